//! The embedded server, which knows everybody's password.

use mail_testkit::{Endpoint, Server};
use system_tests::secrets::register;
use tokio::runtime::Runtime;

use crate::printed::{PASSWORD, Printed, TOKEN};

pub(crate) fn print(printed: &mut Printed) {
    Runtime::new().unwrap().block_on(async {
        let builder = Server::builder().user("kim", PASSWORD).token(TOKEN).mechanisms(["PLAIN", "EXTERNAL"]);
        printed.debug(&builder);
        let error = Server::builder().user("kim", PASSWORD).user("kim", PASSWORD).start().await.unwrap_err();
        printed.error(&error);
        let server = builder.start().await.unwrap();
        let certificate = server.client_certificate("kim").unwrap();
        let key = certificate.key_pem.lines().nth(1).unwrap();
        register(key);
        printed.debug(certificate);
        printed.debug(&server);
        printed.debug(&server.account("kim").unwrap());
        for (endpoint, login) in [
            (Endpoint::ImapPlain, format!("A1 LOGIN kim {PASSWORD}\r\nA2 LOGIN \"{PASSWORD}\r\n")),
            (Endpoint::Pop3Plain, format!("USER kim\r\nPASS {PASSWORD}\r\nAUTH PLAIN {PASSWORD}\r\n")),
            (Endpoint::SmtpPlain, format!("EHLO me\r\nAUTH PLAIN {PASSWORD}\r\nAUTH\tPLAIN {TOKEN}\r\n")),
        ] {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};

            let mut connection = server.connect_to(endpoint).await.unwrap();
            printed.debug(&connection);
            connection.write_all(login.as_bytes()).await.unwrap();
            connection.shutdown().await.unwrap();
            connection.read_to_end(&mut Vec::new()).await.unwrap();
        }
        let report = server.report();
        assert!(report.commands.len() >= 6, "{report:?}");
        report.commands.iter().for_each(|command| printed.debug(command));
        printed.debug(&report);
    });
}
