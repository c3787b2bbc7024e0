//! All chance of a run, from one seed. The numbers are those of SplitMix64 (Steele, Lea and Flood, 2014): small, and
//! the same on every machine.

/// The source of chance.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Everything that follows is decided by the seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 32 bits.
    pub fn word(&mut self) -> u32 {
        u32::try_from(self.bits() >> 32).expect("the upper half fits")
    }

    /// 128 bits.
    pub fn long(&mut self) -> u128 {
        (u128::from(self.bits()) << 64) | u128::from(self.bits())
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.bits() % end as u64).expect("below a usize")
    }

    /// A number of `least..=most`.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        let span = (most - least + 1).unsigned_abs();
        least + i64::try_from(self.bits() % span).expect("the span fits")
    }

    /// True `of` times in a thousand.
    pub fn happens(&mut self, of: u32) -> bool {
        self.bits() % 1_000 < u64::from(of)
    }

    /// One of several; there is at least one.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
