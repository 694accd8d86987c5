import { clothes } from '../clothes.js';

export default clothes({ small: false });
