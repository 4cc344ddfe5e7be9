//! A peer that plays one side of a dialogue, byte by byte as written down, for the tests of this module.

use std::sync::{Arc, Mutex};

use futures_core::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use crate::transport::connector::{BoxIo, Connector};
use crate::transport::error::Error;
use crate::transport::target::Target;

/// Gives streams to a peer that expects and answers what its script says, then hangs up.
#[derive(Clone)]
pub(crate) struct Scripted {
    turns: Option<Vec<(Vec<u8>, Vec<u8>)>>,
    dialled: Arc<Mutex<Vec<Target>>>,
}

impl Scripted {
    /// What is expected, and what is answered to it.
    pub(crate) fn new<'a>(turns: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let turns =
            turns.into_iter().map(|(expected, answer)| (expected.to_vec(), answer.to_vec())).collect();
        Self { turns: Some(turns), dialled: Arc::default() }
    }

    /// Nobody.
    pub(crate) fn unreachable() -> Self {
        Self { turns: None, dialled: Arc::default() }
    }

    /// Which targets were dialled.
    pub(crate) fn dialled(&self) -> Vec<Target> {
        self.dialled.lock().unwrap().clone()
    }
}

impl Connector for Scripted {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            self.dialled.lock().unwrap().push(target.clone());
            let Some(turns) = self.turns.clone() else { return Err(Error::connector(target, "no network")) };
            let (ours, mut theirs) = duplex(256);
            tokio::spawn(async move {
                for (expected, answer) in turns {
                    let mut got = vec![0; expected.len()];
                    theirs.read_exact(&mut got).await.unwrap();
                    assert_eq!(got.escape_ascii().to_string(), expected.escape_ascii().to_string());
                    // Who has heard enough may hang up.
                    if theirs.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            });
            Ok(Box::new(ours) as BoxIo)
        })
    }
}

/// All that the peer still says.
pub(crate) async fn rest_of(io: &mut BoxIo) -> Vec<u8> {
    let mut said = Vec::new();
    io.read_to_end(&mut said).await.unwrap();
    said
}
