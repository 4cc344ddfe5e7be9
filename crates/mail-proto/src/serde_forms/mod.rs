//! The forms in which serde writes and reads values: one for each type, which stays as it is from version to version.
//!
//! The types of the grammar know nothing of it: a type's [`Form`] is here, beside those of the other types of its protocol.
//! A structure's fields are listed once more, so that a new one doesn't compile until it has a form.

mod imap;
mod pop3;
mod smtp;
mod text;

use serde::{Serialize, de::DeserializeOwned};

use crate::{argument::ArgumentError, error::ParseError, imap::EncodeError};

/// A value that is written as another, which serde knows.
trait Form: Sized {
    /// What is written.
    type Written: Serialize + DeserializeOwned;

    fn to_written(&self) -> Result<Self::Written, Misfit>;

    fn from_written(written: Self::Written) -> Result<Self, Misfit>;
}

/// Why a value has no form, or a form is no value. It ends up in the serialiser's own error.
#[derive(Debug, thiserror::Error)]
enum Misfit {
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    #[error(transparent)]
    Parse(#[from] ParseError),
    #[error("not {0}")]
    Not(&'static str),
    #[error("a piece of a message, whose content goes elsewhere, is no whole response")]
    Piece,
}

/// Serde's traits for types that have a form.
macro_rules! written_by_form {
    ($($type:ty),* $(,)?) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let written = crate::serde_forms::Form::to_written(self).map_err(serde::ser::Error::custom)?;
                serde::Serialize::serialize(&written, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let written = serde::Deserialize::deserialize(deserializer)?;
                crate::serde_forms::Form::from_written(written).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

/// Types written as a value of another type: there and back.
macro_rules! written_as {
    ($($type:ty as $written:ty: $to:expr, $from:expr;)*) => {$(
        impl crate::serde_forms::Form for $type {
            type Written = $written;

            fn to_written(&self) -> Result<$written, Misfit> {
                let to: fn(&Self) -> Result<$written, Misfit> = $to;
                to(self)
            }

            fn from_written(written: $written) -> Result<Self, Misfit> {
                let from: fn($written) -> Result<Self, Misfit> = $from;
                from(written)
            }
        }

        written_by_form!($type);
    )*};
}

/// Structures, written as maps of their fields.
macro_rules! maps {
    ($($type:ident { $($field:ident: $of:ty),* $(,)? })*) => {$(
        const _: () = {
            #[derive(serde::Serialize, serde::Deserialize)]
            pub(in crate::serde_forms) struct Fields {
                $($field: <$of as Form>::Written,)*
            }

            impl Form for $type {
                type Written = Fields;

                fn to_written(&self) -> Result<Fields, Misfit> {
                    let Self { $($field),* } = self;
                    Ok(Fields { $($field: $field.to_written()?,)* })
                }

                fn from_written(written: Fields) -> Result<Self, Misfit> {
                    Ok(Self { $($field: Form::from_written(written.$field)?,)* })
                }
            }

            written_by_form!($type);
        };
    )*};
}

use {maps, written_as, written_by_form};

/// Types that serde knows.
macro_rules! themselves {
    ($($type:ty),*) => {$(
        impl Form for $type {
            type Written = Self;

            fn to_written(&self) -> Result<Self, Misfit> {
                Ok(*self)
            }

            fn from_written(written: Self) -> Result<Self, Misfit> {
                Ok(written)
            }
        }
    )*};
}

themselves!(bool, u8, u16, u32, u64);

impl<T: Form> Form for Option<T> {
    type Written = Option<T::Written>;

    fn to_written(&self) -> Result<Self::Written, Misfit> {
        self.as_ref().map(T::to_written).transpose()
    }

    fn from_written(written: Self::Written) -> Result<Self, Misfit> {
        written.map(T::from_written).transpose()
    }
}

impl<T: Form> Form for Vec<T> {
    type Written = Vec<T::Written>;

    fn to_written(&self) -> Result<Self::Written, Misfit> {
        self.iter().map(T::to_written).collect()
    }

    fn from_written(written: Self::Written) -> Result<Self, Misfit> {
        written.into_iter().map(T::from_written).collect()
    }
}

impl<T: Form> Form for Box<T> {
    type Written = Box<T::Written>;

    fn to_written(&self) -> Result<Self::Written, Misfit> {
        (**self).to_written().map(Box::new)
    }

    fn from_written(written: Self::Written) -> Result<Self, Misfit> {
        T::from_written(*written).map(Self::new)
    }
}

impl<A: Form, B: Form> Form for (A, B) {
    type Written = (A::Written, B::Written);

    fn to_written(&self) -> Result<Self::Written, Misfit> {
        Ok((self.0.to_written()?, self.1.to_written()?))
    }

    fn from_written((a, b): Self::Written) -> Result<Self, Misfit> {
        Ok((A::from_written(a)?, B::from_written(b)?))
    }
}

#[cfg(test)]
mod tests;
