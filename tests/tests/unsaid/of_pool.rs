//! The pool: of a manager whose everything is secret.

use std::time::Duration;

use mail_pool::{Attempt, Caller, Class, Manager, Operation, Pool};
use tokio::runtime::Runtime;

use crate::printed::{PASSWORD, Printed};

/// Shows all that it knows.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "it is only shown")]
struct Open(&'static str);

#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused;

/// Takes all connections but those from the fifth on.
impl Manager for Open {
    type Connection = Self;
    type Error = Refused;

    async fn connect(&self, attempt: Attempt) -> Result<Self, Refused> {
        if attempt.id > 4 { Err(Refused) } else { Ok(self.clone()) }
    }

    fn is_broken(&self, _: &Self) -> bool {
        false
    }

    async fn check(&self, _: &Self) -> Result<(), Refused> {
        Ok(())
    }

    async fn close(&self, _: Self) {}

    fn classify(&self, _: &Refused) -> Class {
        Class::Permanent
    }

    fn connect_timed_out(&self, _: Duration) -> Refused {
        Refused
    }
}

pub(crate) fn print(printed: &mut Printed) {
    Runtime::new().unwrap().block_on(print_all(printed));
}

async fn print_all(printed: &mut Printed) {
    let builder = Pool::builder(Open(PASSWORD)).max_connections(6);
    let pool = builder.build().unwrap();
    printed.debug(&pool);
    printed.debug(&pool.downgrade());
    pool.connect().await.unwrap();
    printed.debug(&pool.main().await.unwrap());
    let connection = pool.create_connection().await.unwrap();
    printed.debug(&connection);
    printed.debug(&connection.exclusive().await.unwrap());
    printed.debug(&pool.create_default_connection().await.unwrap());
    printed.debug(&pool.checkout().await.unwrap());
    let begun = pool.begin(|operation| async move { format!("{operation:?}") }).unwrap();
    printed.debug(&begun);
    printed.debug(&begun.canceller());
    printed.shown::<Operation<Open>>(&begun.await.unwrap());
    let _held = (pool.create_connection().await, pool.create_connection().await);
    let refused = pool.create_connection().await.unwrap_err();
    printed.error(&refused);
    printed.display(&pool.status());
    printed.debug(&Caller::current());
}
