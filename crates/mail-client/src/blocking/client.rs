//! What every client has, written once, as its async sister has it.

/// A client's methods over its pool, and the connections that one can hold, for the module of a protocol. `$path` and
/// `$begin` are for an example.
macro_rules! client_facade {
    (
        $Client:ident for $protocol:ident,
        sister: $sister:literal,
        connection: $connection:literal,
        builder: $Builder:ident,
        path: $path:literal,
        begin: $begin:literal,
    ) => {
        $crate::blocking::facade::sister!($Client($protocol::$Client));
        $crate::blocking::facade::sister!(Connection($protocol::Connection));

        $crate::blocking::facade::facade! {
            impl $Client for $sister {
                async fn connect(&self) -> $crate::Result<()>;
                async fn check_credentials(&self) -> $crate::Result<()>;
                async fn close(&self);
                fn with_deadline(&self, limit: std::time::Duration) -> Self;
                async fn create_connection(&self) -> $crate::Result<Connection>;
                fn set_max_connections(&self, max: usize) -> $crate::Result<()>;
                fn set_password(&self, password: impl Into<$crate::Secret>) -> $crate::Result<()>;
                fn retry_login(&self);
                fn pool_status(&self) -> $crate::client::PoolStatus;
            }
        }

        impl $Client {
            /// Begins to set up a client for this user on this host, over implicit TLS unless told otherwise. What it
            #[doc = concat!("gives ends in [`build_blocking`](", stringify!($Builder), "::build_blocking).")]
            pub fn builder(host: impl Into<String>, user: impl Into<String>) -> $Builder {
                $protocol::$Client::builder(host, user)
            }

            /// The same client for async code, on the same connections. They are looked after by the runtime of the
            /// blocking clients, whatever becomes of the caller's.
            pub fn to_async(&self) -> $protocol::$Client {
                self.0.clone()
            }

            /// The same client, whose calls run on this connection.
            #[must_use]
            pub fn via(&self, connection: &Connection) -> Self {
                Self(self.0.via(&connection.0))
            }

            /// Opens the default connection of the calling thread: from now on its calls that name no connection run
            /// there, and no others do, until the guard is dropped, the thread ends, or a [`scope`](Self::scope) that
            /// it was made in.
            ///
            /// # Errors
            #[doc = concat!("As [the async client's](crate::", $sister, "::create_default_connection).")]
            #[track_caller]
            pub fn create_default_connection(&self) -> $crate::Result<DefaultConnection> {
                let made: $crate::Result<$protocol::DefaultConnection> =
                    $crate::blocking::wait::wait(self.0.create_default_connection());
                Ok(DefaultConnection($crate::blocking::thread_bound::ThreadBound::new(made?, self.number())))
            }

            /// Runs something on a thread that is borrowed, from a pool of threads or a web server: at its end, however
            /// it ends, the thread has no default connection any more that it has got within it, be it one that was
            /// [made by hand](Self::create_default_connection), whose guard may be kept or forgotten, or the one that
            /// comes by itself with [`Assignment::Default`](mail_pool::Assignment::Default). The job that comes next to
            /// this thread finds none of it.
            pub fn scope<R>(&self, run: impl FnOnce() -> R) -> R {
                let _scope = $crate::blocking::thread_bound::Scope::enter(self.number());
                self.0.pool().scope_blocking(run)
            }

            /// Tells clients apart, as long as they live.
            fn number(&self) -> usize {
                std::ptr::from_ref(self.0.pool().manager()).addr()
            }

            /// Begins an operation in the background, as
            #[doc = concat!("[the async client does](crate::", $sister, "::begin):")]
            /// once it has a connection, it runs on a thread of its own.
            ///
            /// ```no_run
            #[doc = concat!("# fn many(client: ", $path, ") -> mail_client::Result<()> {")]
            #[doc = $begin]
            /// // … meanwhile …
            /// println!("{:?}", pending.wait()?);
            /// # Ok(()) }
            /// ```
            ///
            /// # Errors
            /// As there.
            #[track_caller]
            pub fn begin<T, F>(&self, operation: F) -> $crate::Result<$crate::blocking::Pending<T>>
            where
                F: FnOnce(Self) -> $crate::Result<T> + Send + 'static,
                T: Send + 'static,
            {
                let _entered = $crate::blocking::runtime::enter();
                let work = |client| $crate::blocking::operation::on_a_thread(|| operation(Self(client)));
                self.0.begin(work).map(Into::into)
            }

            /// Like [`begin`](Self::begin), with a limit on how long it may wait for its connection.
            ///
            /// # Errors
            /// As there; when the time is up, the operation ends in an error that says who has the connections.
            #[track_caller]
            pub fn begin_within<T, F>(
                &self,
                limit: std::time::Duration,
                operation: F,
            ) -> $crate::Result<$crate::blocking::Pending<T>>
            where
                F: FnOnce(Self) -> $crate::Result<T> + Send + 'static,
                T: Send + 'static,
            {
                let _entered = $crate::blocking::runtime::enter();
                let work = |client| $crate::blocking::operation::on_a_thread(|| operation(Self(client)));
                self.0.begin_within(limit, work).map(Into::into)
            }
        }

        impl $Builder {
            /// The client for programs without async. Nothing is dialled yet.
            ///
            /// # Errors
            /// As [`build`](Self::build); or [`CannotBlock`](crate::ErrorKind::CannotBlock) if no threads can be
            /// started for it.
            #[track_caller]
            pub fn build_blocking(self) -> $crate::Result<$Client> {
                let runtime = $crate::blocking::runtime::running()?.runtime.handle().clone();
                Ok($Client(self.on_runtime(runtime, $crate::blocking::tokens::on_a_thread).build()?))
            }
        }

        /// A connection that belongs to nobody and serves only the calls that name it. See
        #[doc = concat!("[the async one](crate::", $connection, ").")]
        #[derive(Clone)]
        pub struct Connection($protocol::Connection);

        $crate::blocking::facade::facade! {
            impl Connection for $connection {
                async fn id(&self) -> Option<u64>;
                async fn close(self);
            }
        }

        /// The default connection of the thread that made it: its calls that name no connection run here, and nobody
        /// else's do. Dropping it, wherever, gives the connection back to the pool, and so does the end of that thread,
        #[doc = concat!("or of a [`scope`](", stringify!($Client), "::scope) that it was made in.")]
        pub struct DefaultConnection(
            $crate::blocking::thread_bound::ThreadBound<$protocol::DefaultConnection>,
        );

        impl DefaultConnection {
            /// Its number, which log events and errors carry; `None` while it is lost, and once it was given back.
            pub fn id(&self) -> Option<u64> {
                self.0.look($protocol::DefaultConnection::id).flatten()
            }

            /// Ends being a default, logs out once no command of it runs any more, and cuts if that takes longer than
            /// 5 s.
            #[track_caller]
            pub fn close(self) {
                if let Some(made) = self.0.take() {
                    $crate::blocking::wait::wait(made.close())
                }
            }
        }

        impl std::fmt::Debug for DefaultConnection {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct("DefaultConnection").field("id", &self.id()).finish_non_exhaustive()
            }
        }
    };
}

pub(super) use client_facade;
