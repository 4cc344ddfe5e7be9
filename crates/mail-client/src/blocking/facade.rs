//! The operations of a type by its async sister's, a line each.

/// Lists the methods of a type that is a tuple whose first field is its async sister:
///
/// ```text
/// facade! {
///     impl Mailbox for "imap::Mailbox" {
///         fn exists(&self) -> u32;
///         async fn delete(&self, uids: impl Into<SequenceSet>) -> Result<Removal>;
///     }
/// }
/// ```
///
/// Each calls its sister's method of the same name with the same arguments, and waits for it where that is `async`. What
/// comes of it is taken [`Into`] what is written here. What a line can't say is a method of its own, beside the list.
macro_rules! facade {
    (impl $type:ident for $sister:literal {
        $($(#[$attr:meta])* $($word:ident)+ ($($params:tt)*) $(-> $of:ty)?;)*
    }) => {
        impl $type {
            $(facade!(@ $sister [$(#[$attr])*] $($word)+ ($($params)*) $(-> $of)?);)*
        }
    };
    (@ $sister:literal [$($attr:tt)*] async fn $name:ident
        (&mut $this:ident $(, $arg:ident: $type:ty)* $(,)?) $(-> $of:ty)?) => {
        facade!(@ waits $sister [$($attr)*] $name [&mut $this] $this ($($arg: $type),*) $(-> $of)?);
    };
    (@ $sister:literal [$($attr:tt)*] async fn $name:ident
        (&$this:ident $(, $arg:ident: $type:ty)* $(,)?) $(-> $of:ty)?) => {
        facade!(@ waits $sister [$($attr)*] $name [&$this] $this ($($arg: $type),*) $(-> $of)?);
    };
    (@ $sister:literal [$($attr:tt)*] async fn $name:ident
        ($this:ident $(, $arg:ident: $type:ty)* $(,)?) $(-> $of:ty)?) => {
        facade!(@ waits $sister [$($attr)*] $name [$this] $this ($($arg: $type),*) $(-> $of)?);
    };
    (@ $sister:literal [$($attr:tt)*] fn $name:ident
        (&$this:ident $(, $arg:ident: $type:ty)* $(,)?) $(-> $of:ty)?) => {
        facade!(@ tells $sister [$($attr)*] $name [&$this] $this ($($arg: $type),*) $(-> $of)?);
    };
    (@ $sister:literal [$($attr:tt)*] fn $name:ident
        ($this:ident $(, $arg:ident: $type:ty)* $(,)?) $(-> $of:ty)?) => {
        facade!(@ tells $sister [$($attr)*] $name [$this] $this ($($arg: $type),*) $(-> $of)?);
    };
    (@ waits $sister:literal [$($attr:tt)*] $name:ident [$($self:tt)*] $this:ident
        ($($arg:ident: $type:ty),*) $(-> $of:ty)?) => {
        #[doc = concat!("Does what [`", $sister, "::", stringify!($name), "`](crate::", $sister, "::", stringify!($name), ")")]
        /// does, returns when it is done, and fails as that does.
        $($attr)*
        #[track_caller]
        pub fn $name($($self)* $(, $arg: $type)*) $(-> $of)? {
            $crate::blocking::wait::wait($this.0.$name($($arg),*))
        }
    };
    (@ tells $sister:literal [$($attr:tt)*] $name:ident [$($self:tt)*] $this:ident
        ($($arg:ident: $type:ty),*) $(-> $of:ty)?) => {
        #[doc = concat!("See [`", $sister, "::", stringify!($name), "`](crate::", $sister, "::", stringify!($name), ").")]
        $($attr)*
        pub fn $name($($self)* $(, $arg: $type)*) $(-> $of)? {
            Into::into($this.0.$name($($arg),*))
        }
    };
}

/// What is made of its async sister: [`From`], and [`Debug`](std::fmt::Debug) as that has it.
macro_rules! sister {
    ($type:ident($sister:path) $($more:expr)?) => {
        impl From<$sister> for $type {
            fn from(sister: $sister) -> Self {
                Self(sister $(, $more)?)
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

pub(super) use {facade, sister};
