//! imap-next, which gives what comes and leaves the rest to its user.

use std::sync::Arc;

use imap_next::{
    client::{Client, Event, Options},
    imap_types::{
        command::{Command, CommandBody},
        core::Literal,
        fetch::{MessageDataItem, MessageDataItemName},
        response::{Data, Status, StatusKind},
    },
    stream::Stream,
};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, TlsStream};

use super::job::{Job, Task};
use crate::{
    account::server_name,
    failure::Failed,
    mail,
    meter::{Done, Meter, Taken},
    parse::imap_codec::item,
    runtime,
};

pub(super) fn run(job: Job) -> Result<Taken, Failed> {
    runtime::as_task(work(job))
}

async fn work(job: Job) -> Result<Taken, Failed> {
    let config = job.account.client_config()?;
    let config = config.as_ref();
    let done = Done { count: job.count as u64, bytes: 0 };
    let mailbox = job.mailbox.clone();
    if job.task == Task::Connect {
        let meter = Meter::start();
        for _ in 0..job.count {
            let mut session = Session::log_in(&job, config).await?;
            session.run([CommandBody::select(mailbox.clone())?]).await?;
            session.run([CommandBody::Logout]).await?;
        }
        return Ok(meter.stop(done));
    }
    let mut session = Session::log_in(&job, config).await?;
    match job.task {
        Task::List | Task::Bodies => {
            session.run([CommandBody::examine(mailbox)?]).await?;
            let content = MessageDataItemName::BodyExt { section: None, partial: None, peek: true };
            let items = match job.task {
                Task::Bodies => vec![MessageDataItemName::Uid, content],
                _ => vec![
                    MessageDataItemName::Uid,
                    MessageDataItemName::Flags,
                    MessageDataItemName::Envelope,
                    MessageDataItemName::BodyStructure,
                ],
            };
            let fetch = CommandBody::fetch("1:*", items, true)?;
            let meter = Meter::start();
            let done = session.run([fetch]).await?;
            Ok(meter.stop(done))
        }
        Task::Noop => {
            session.run([CommandBody::select(mailbox)?]).await?;
            let meter = Meter::start();
            for begun in (0..job.count).step_by(job.tasks) {
                let window = job.tasks.min(job.count - begun);
                session.run(std::iter::repeat_n(CommandBody::Noop, window)).await?;
            }
            Ok(meter.stop(done))
        }
        Task::Upload | Task::Append => {
            let messages: Vec<Vec<u8>> =
                (0..job.count).map(|number| mail::of_size(number, job.size)).collect();
            let meter = Meter::start();
            for message in messages {
                let message = Literal::try_from(message)?;
                session.run([CommandBody::append(mailbox.clone(), vec![], None, message)?]).await?;
            }
            Ok(meter.stop(Done { bytes: (job.count * job.size) as u64, ..done }))
        }
        Task::Connect => Err("connects as it logs in".into()),
    }
}

struct Session {
    client: Client,
    stream: Stream,
    tag: u32,
}

impl Session {
    async fn log_in(job: &Job, config: Option<&Arc<ClientConfig>>) -> Result<Self, Failed> {
        let socket = TcpStream::connect(("127.0.0.1", job.account.port)).await?;
        socket.set_nodelay(true)?;
        let stream = match config {
            Some(config) => {
                let tls = TlsConnector::from(Arc::clone(config));
                Stream::tls(TlsStream::Client(tls.connect(server_name(), socket).await?))
            }
            None => Stream::insecure(socket),
        };
        let mut options = Options::default();
        options.max_response_size = 1 << 30;
        let mut session = Self { client: Client::new(options), stream, tag: 0 };
        match session.stream.next(&mut session.client).await? {
            Event::GreetingReceived { .. } => {}
            other => return Err(format!("{other:?}").into()),
        }
        session.run([CommandBody::login(job.account.user.clone(), job.account.password.clone())?]).await?;
        Ok(session)
    }

    /// Runs commands, all sent at once, and walks what is told of messages.
    async fn run(
        &mut self,
        commands: impl IntoIterator<Item = CommandBody<'static>>,
    ) -> Result<Done, Failed> {
        let mut unanswered = 0;
        for body in commands {
            self.tag += 1;
            self.client.enqueue_command(Command::new(format!("A{}", self.tag), body)?);
            unanswered += 1;
        }
        let mut done = Done::default();
        while unanswered > 0 {
            match self.stream.next(&mut self.client).await? {
                Event::DataReceived { data: Data::Fetch { items, .. } } => {
                    let bytes = items.as_ref().iter().map(|of| match of {
                        // Where content is counted, nothing else may be.
                        MessageDataItem::Uid(_) => 0,
                        of => item(of),
                    });
                    done += Done { count: 1, bytes: bytes.sum() };
                }
                Event::StatusReceived { status: Status::Tagged(tagged) } => {
                    if tagged.body.kind != StatusKind::Ok {
                        return Err(format!("{tagged:?}").into());
                    }
                    unanswered -= 1;
                }
                // Behind a goodbye it may see the end of the connection before the tagged OK.
                Event::StatusReceived { status: Status::Bye(_) } => return Ok(done),
                Event::CommandRejected { status, .. } => return Err(format!("{status:?}").into()),
                _ => {}
            }
        }
        Ok(done)
    }
}
