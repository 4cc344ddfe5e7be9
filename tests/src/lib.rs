//! Whole-system tests live in the `tests` folder of this crate.
