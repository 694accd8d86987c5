import { toy } from '../toy.js';

export default toy({ guidance: false });
