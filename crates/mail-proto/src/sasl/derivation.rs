//! The one step of a login that takes long, apart from all else so that it can be run elsewhere.

#[cfg(feature = "sasl")]
use {sha1::Sha1, sha2::Sha256};

use crate::secret::Secret;

/// Which hash a SCRAM mechanism is built on. Without the feature `sasl` there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    #[cfg(feature = "sasl")]
    Sha1,
    #[cfg(feature = "sasl")]
    Sha256,
}

/// The key derivation that a server asked for by SCRAM: PBKDF2 with so many iterations.
///
/// [`run`](Self::run) takes a tenth of a microsecond an iteration where the processor has SHA instructions, half a
/// microsecond elsewhere, so a program that must not be held up runs it on another thread. Its outcome depends on what
/// [`salt`](Self::salt) and [`iterations`](Self::iterations) say, on the mechanism and on the password alone: a
/// program that logs in often may keep it.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "sasl"), expect(dead_code))]
pub struct Derivation {
    pub(super) hash: Hash,
    pub(super) password: Secret,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
}

impl Derivation {
    /// The salt that the server sent.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The iterations that the server asks for, at most [`Options::max_iterations`](super::Options::max_iterations).
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Does the work.
    pub fn run(&self) -> SaltedPassword {
        match self.hash {
            #[cfg(feature = "sasl")]
            Hash::Sha1 => {
                let mut key = [0; 20];
                pbkdf2::pbkdf2_hmac::<Sha1>(self.password.expose(), &self.salt, self.iterations, &mut key);
                SaltedPassword(Secret::new(key))
            }
            #[cfg(feature = "sasl")]
            Hash::Sha256 => {
                let mut key = [0; 32];
                pbkdf2::pbkdf2_hmac::<Sha256>(self.password.expose(), &self.salt, self.iterations, &mut key);
                SaltedPassword(Secret::new(key))
            }
        }
    }
}

/// What a [`Derivation`] gives. As good as the password to whoever has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaltedPassword(pub(super) Secret);
