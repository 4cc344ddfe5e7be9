//! What every client is made of, whatever protocol it speaks: how it is set up, how it opens connections, on which of
//! them each call runs, and what it makes of a refusal.
//!
//! The public types of each protocol are its own; what they have in common is written once, in the macros here.

mod about;
mod answer;
mod builder_methods;
mod calls;
mod check_credentials;
mod deadline;
mod dialler;
mod goodbye;
mod handles;
mod home;
mod methods;
mod operation;
pub(crate) mod refusal;
mod said;
mod setup;

pub(crate) use self::{
    about::{About, Subject},
    answer::{Awaited, await_answer},
    builder_methods::builder_methods,
    calls::{Attempted, Calls},
    deadline::{Deadline, NEVER},
    dialler::{Dialler, MailManager, mail_manager, manager_methods},
    goodbye::{GOODBYE, goodbye},
    handles::{Held, connection_handles},
    home::Home,
    methods::client_methods,
    said::Said,
    setup::{LoginWith, Parts, Ports, Setup},
};
pub use self::{methods::PoolStatus, operation::Pending};
