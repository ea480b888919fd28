//! The dispatch boundary: one generic source, compiled for AVX-512, for AVX2 with FMA, and for the baseline.

use std::marker::PhantomData;

/// What the source asks of the instruction set that it is compiled for.
pub(crate) trait InstructionSet {
    /// Multiply and add in one rounding.
    const FMA: bool;
    /// Room in registers for [a row of a tile](super::VECTORS) of sums for each of four rows; else for one vector for
    /// each of six.
    const WIDE: bool;
}

/// AVX-512: 32 registers of 16 f32.
pub(crate) struct Wide;

/// AVX2 with FMA: 16 registers of 8 f32; or NEON, with 32 of 4.
pub(crate) struct Narrow;

/// The baseline of x86-64, where fused multiply-add would be a library call.
pub(crate) struct Unfused;

impl InstructionSet for Wide {
    const FMA: bool = true;
    const WIDE: bool = true;
}

impl InstructionSet for Narrow {
    const FMA: bool = true;
    const WIDE: bool = false;
}

impl InstructionSet for Unfused {
    const FMA: bool = false;
    const WIDE: bool = false;
}

/// What every machine of this architecture has.
#[cfg(target_arch = "aarch64")]
type Baseline = Narrow;
/// What every machine of this architecture has.
#[cfg(not(target_arch = "aarch64"))]
type Baseline = Unfused;

/// Arithmetic that is worth compiling for each instruction set. Implementations and everything they call
/// must be `#[inline(always)]`, or they keep the baseline's instructions.
pub(crate) trait Kernel {
    /// Runs as compiled for `S`.
    fn run<S: InstructionSet>(self);
}

/// The instruction set chosen for this machine, or a lesser one for comparison.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Isa {
    /// AVX-512.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// What every machine of this architecture has.
    Baseline,
}

struct Vectorised<K, S>(K, PhantomData<S>);

impl<K: Kernel, S: InstructionSet> pulp::NullaryFnOnce for Vectorised<K, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.run::<S>();
    }
}

impl Isa {
    /// The best instruction set of this machine.
    pub(crate) fn detect() -> Self {
        Self::available()[0]
    }

    /// All instruction sets of this machine, best first.
    pub(crate) fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            sets.extend(pulp::x86::V4::try_new().map(Self::Avx512));
            sets.extend(pulp::x86::V3::try_new().map(Self::Avx2));
        }
        sets.push(Self::Baseline);
        sets
    }

    /// Runs a kernel compiled for this instruction set.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(token) => token.vectorize(Vectorised::<K, Wide>(kernel, PhantomData)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => token.vectorize(Vectorised::<K, Narrow>(kernel, PhantomData)),
            Self::Baseline => kernel.run::<Baseline>(),
        }
    }
}
