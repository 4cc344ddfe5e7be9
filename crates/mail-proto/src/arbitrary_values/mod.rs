//! Commands and responses out of a fuzzer's bytes, with all that they hold.
//!
//! Texts are words mostly, sometimes what has to be quoted, sometimes any bytes but NUL, so that nearly all values can
//! be written; those that can't are refused by `encode`, as a caller's would be. Enums and structures are listed once
//! more, so that a new variant or field doesn't compile until it is made.

mod command;
mod data;
mod pop3;
mod response;
mod smtp;
mod words;

use arbitrary::{Result, Unstructured};

/// A value made of a fuzzer's bytes. As `Arbitrary`, but also for types of other crates.
trait Make: Sized {
    fn make(u: &mut Unstructured<'_>) -> Result<Self>;
}

fn make<T: Make>(u: &mut Unstructured<'_>) -> Result<T> {
    T::make(u)
}

/// `Arbitrary` for types that can be made.
macro_rules! arbitrary_by_make {
    ($($type:ty),* $(,)?) => {$(
        impl<'a> arbitrary::Arbitrary<'a> for $type {
            fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
                crate::arbitrary_values::make(u)
            }
        }
    )*};
}

/// Types made by a function.
macro_rules! made_by {
    ($($type:ty: $make:expr;)*) => {$(
        impl Make for $type {
            fn make(u: &mut Unstructured<'_>) -> Result<Self> {
                let make: fn(&mut Unstructured<'_>) -> Result<Self> = $make;
                make(u)
            }
        }

        arbitrary_by_make!($type);
    )*};
}

/// Structures of which each field is made.
macro_rules! structures {
    ($($type:ident { $($field:ident),* $(,)? })*) => {$(
        impl Make for $type {
            fn make(u: &mut Unstructured<'_>) -> Result<Self> {
                Ok(Self { $($field: make(u)?),* })
            }
        }

        arbitrary_by_make!($type);
    )*};
}

/// Enums of which each variant is as likely as any other.
macro_rules! enums {
    ($($type:ident {
        $($variant:ident $(($($place:ident),*))? $({ $($field:ident),* $(,)? })?),* $(,)?
    })*) => {$(
        impl Make for $type {
            fn make(u: &mut Unstructured<'_>) -> Result<Self> {
                let variants: &[fn(&mut Unstructured<'_>) -> Result<Self>] = &[
                    $(|_u| Ok(Self::$variant
                        $(($({ let $place = make(_u)?; $place }),*))?
                        $({ $($field: make(_u)?),* })?
                    )),*
                ];
                // Fails to compile when a variant is missing above.
                let _ = |value: &Self| match value {
                    $(Self::$variant { .. } => {})*
                };
                u.choose(variants)?(u)
            }
        }

        arbitrary_by_make!($type);
    )*};
}

use {arbitrary_by_make, enums, made_by, structures};

/// Numbers and the like, which `arbitrary` makes.
macro_rules! themselves {
    ($($type:ty),*) => {$(
        impl Make for $type {
            fn make(u: &mut Unstructured<'_>) -> Result<Self> {
                u.arbitrary()
            }
        }
    )*};
}

themselves!(bool, u32, u64);

impl<T: Make> Make for Option<T> {
    fn make(u: &mut Unstructured<'_>) -> Result<Self> {
        Ok(if u.arbitrary()? { Some(make(u)?) } else { None })
    }
}

impl<T: Make> Make for Vec<T> {
    fn make(u: &mut Unstructured<'_>) -> Result<Self> {
        some(u, 0)
    }
}

impl<T: Make> Make for Box<T> {
    fn make(u: &mut Unstructured<'_>) -> Result<Self> {
        make(u).map(Self::new)
    }
}

impl<A: Make, B: Make> Make for (A, B) {
    fn make(u: &mut Unstructured<'_>) -> Result<Self> {
        Ok((make(u)?, make(u)?))
    }
}

/// A few values, and this many at least.
fn some<T: Make>(u: &mut Unstructured<'_>, least: usize) -> Result<Vec<T>> {
    let count = u.int_in_range(least..=4)?;
    (0..count).map(|_| make(u)).collect()
}

#[cfg(test)]
mod tests;
