"""Pack notes of 112 instruments into the package, as pictures of their sound.

Reads the sound font of Debian's package ``fluid-soundfont-gm`` 3.1 and plays it:
    apt-get install fluid-soundfont-gm
    pip install --no-deps tinysoundfont==0.3.7
    python tools/pack_notes.py [FONT.sf2]

General MIDI programs 0 to 111, keys 36 (C2, 65 Hz) to 84 (C6, 1047 Hz), each held for 0.8 s and
released for 0.2 s, at 16 kHz, as loud as 0.9 at its peak. Keys beyond the range of an
instrument are silent and left out.
"""

import sys
from pathlib import Path

import numpy as np
import tinysoundfont
from packing import HOME, pack_splits

from workshop_lite import files
from workshop_lite.datasets.audio import RATE, to_mel

FONT = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/sounds/sf2/FluidR3_GM.sf2")
PITCHES, SILENT, SEED = range(36, 85), 1e-3, 0
# Eight instruments to a family, as General MIDI (1991) numbers and names them.
FAMILIES = """
piano: acoustic grand piano, bright acoustic piano, electric grand piano, honky-tonk piano,
  electric piano 1, electric piano 2, harpsichord, clavinet
chromatic percussion: celesta, glockenspiel, music box, vibraphone, marimba, xylophone,
  tubular bells, dulcimer
organ: drawbar organ, percussive organ, rock organ, church organ, reed organ, accordion,
  harmonica, bandoneon
guitar: nylon-string guitar, steel-string guitar, jazz guitar, clean electric guitar,
  muted electric guitar, overdriven guitar, distortion guitar, guitar harmonics
bass: acoustic bass, fingered bass, picked bass, fretless bass, slap bass 1, slap bass 2,
  synth bass 1, synth bass 2
strings: violin, viola, cello, contrabass, tremolo strings, pizzicato strings, harp, timpani
ensemble: string ensemble 1, string ensemble 2, synth strings 1, synth strings 2, choir aahs,
  voice oohs, synth voice, orchestra hit
brass: trumpet, trombone, tuba, muted trumpet, french horn, brass section, synth brass 1,
  synth brass 2
reed: soprano sax, alto sax, tenor sax, baritone sax, oboe, english horn, bassoon, clarinet
pipe: piccolo, flute, recorder, pan flute, blown bottle, shakuhachi, whistle, ocarina
synth lead: square lead, sawtooth lead, calliope lead, chiff lead, charang lead, voice lead,
  fifths lead, bass and lead
synth pad: new age pad, warm pad, polysynth pad, choir pad, bowed pad, metallic pad, halo pad,
  sweep pad
synth effects: rain effect, soundtrack effect, crystal effect, atmosphere effect,
  brightness effect, goblins effect, echoes effect, sci-fi effect
world: sitar, banjo, shamisen, koto, kalimba, bagpipe, fiddle, shanai
"""


def played() -> tuple[np.ndarray, np.ndarray]:
    """All notes that sound, and the program and pitch of each."""
    synth = tinysoundfont.Synth(samplerate=RATE, gain=0)
    font = synth.sfload(str(FONT))
    sounds, labels = [], []
    for program in range(112):
        synth.program_select(0, font, 0, program)
        for pitch in PITCHES:
            synth.sounds_off(0)
            synth.noteon(0, pitch, 100)
            held = np.array(np.frombuffer(synth.generate(RATE * 4 // 5), np.float32))
            synth.noteoff(0, pitch)
            released = np.array(np.frombuffer(synth.generate(RATE // 5), np.float32))
            sound = np.concatenate([held, released]).reshape(-1, 2).mean(1)
            if (peak := np.abs(sound).max()) > SILENT:
                sounds.append(0.9 * sound / peak)
                labels.append((program, pitch))
    return np.stack(sounds), np.array(labels, np.uint8)


def held_out(labels: np.ndarray) -> np.ndarray:
    """A tenth of all notes, such that each instrument and each pitch keeps most of its own."""
    rng, held = np.random.default_rng(SEED), np.zeros(len(labels), bool)
    held[rng.permutation(len(labels))[: round(len(labels) / 10)]] = True
    for column in labels.T:
        assert all((~held)[column == value].sum() >= 10 for value in np.unique(column))
    return held


def main() -> None:
    families = dict(line.split(": ") for line in FAMILIES.strip().replace("\n  ", " ").split("\n"))
    instruments = [name for members in families.values() for name in members.split(", ")]
    assert len(set(instruments)) == 112 and len(families) == 14
    sounds, labels = played()
    sizes, digests = pack_splits(
        HOME / "notes", held_out(labels), images=to_mel(sounds), labels=labels
    )
    card = {
        "title": "Notes of instruments",
        "source": "Fluid (R3) GM 3.1 by Frank Wen, General MIDI programs 0-111, keys 36-84, one "
        "second each, as spectrograms; made by tools/pack_notes.py with tinysoundfont 0.3.7",
        "licence": "MIT, Copyright 2000-2002, 2008 Frank Wen; see notes/LICENSE",
        "families": list(families),
        "instruments": instruments,
        "splits": sizes,
        "sha256": digests,
    }
    files.write_card(HOME / "notes.json", card)
    print(sizes)


if __name__ == "__main__":
    main()
