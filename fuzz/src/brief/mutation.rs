/// What breaks parsers of texts more often than random bytes do.
const TOKENS: &[&str] = &[
    "0x",
    "0X",
    "-",
    "--",
    "+",
    ".",
    "e",
    "E9",
    "\0",
    "\n",
    "\r\n",
    "\u{feff}",
    "é",
    "\u{202e}",
    "4294967296",
    "-1",
    "18446744073709551616",
    "1e308",
    "NaN",
    "null",
    "{}",
    "[]",
    "\"",
    "\\",
    ":",
    "@",
    "/",
    "%s",
    "${A}",
    "&a *a",
    "<<: ",
];

const LONGEST: usize = 8 * 1024;

/// Makes new inputs out of known ones. The same seed makes the same inputs in the same order.
#[derive(Debug)]
pub struct Mutator {
    state: u64,
}

impl Mutator {
    /// Begins at a seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// SplitMix64: small, and good enough for choosing what to break.
    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 where there is nothing to choose from.
    fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        self.next().checked_rem(bound).unwrap_or(0) as usize
    }

    /// One of the inputs, changed in one to four places.
    pub fn mutate(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let chosen = self.below(inputs.len());
        let mut input = inputs.get(chosen).cloned().unwrap_or_default();
        for _ in 0..=self.below(4) {
            self.change(&mut input, inputs);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, inputs: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        let until = at + self.below((input.len() - at).min(16) + 1);
        match self.below(8) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            1 => input.insert(at, self.next() as u8),
            2 => drop(input.drain(at..until)),
            3 => {
                let token = TOKENS[self.below(TOKENS.len())];
                input.splice(at..until, token.bytes());
            }
            4 => {
                let repeated = input[at..until].repeat(1 + self.below(64));
                input.splice(at..at, repeated);
            }
            5 => {
                let other = self.below(inputs.len());
                let other = inputs.get(other).map_or(&[][..], Vec::as_slice);
                let from = self.below(other.len() + 1);
                input.splice(at.., other[from..].iter().copied());
            }
            6 => input[at..until].reverse(),
            // A printable byte in place of one: most parsers look no further than the first that is not.
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = b' ' + (self.below(95) as u8);
                }
            }
        }
    }
}
