//! The dispatch boundary: one generic source, compiled for AVX-512, for AVX2 with FMA, and for the baseline.

/// Arithmetic that is worth compiling for each instruction set. Implementations and everything they call
/// must be `#[inline(always)]`, or they keep the baseline's instructions.
pub(crate) trait Kernel {
    /// Runs with fused multiply-add when the instruction set has one.
    fn run<const FMA: bool>(self);
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

struct Vectorised<K, const FMA: bool>(K);

impl<K: Kernel, const FMA: bool> pulp::NullaryFnOnce for Vectorised<K, FMA> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.run::<FMA>();
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
            Self::Avx512(token) => token.vectorize(Vectorised::<K, true>(kernel)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => token.vectorize(Vectorised::<K, true>(kernel)),
            // On AArch64 fused multiply-add is part of the baseline; on x86-64 it would be a library call.
            Self::Baseline => kernel.run::<{ cfg!(target_arch = "aarch64") }>(),
        }
    }
}
