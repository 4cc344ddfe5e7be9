use std::io;
use std::net::SocketAddr;

use futures_core::future::BoxFuture;

/// Turns a host name into addresses.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a host, the preferred one first, each with the port given.
    ///
    /// # Errors
    /// Of kind [`NotFound`](io::ErrorKind::NotFound) if the name doesn't exist, of any other if there was no answer.
    /// No address at all counts as not found.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// The operating system's resolver, with its hosts file, search list and order of preference (RFC 6724).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            if is_invalid(host) {
                return Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    "no name under .invalid exists (RFC 6761)",
                ));
            }
            match tokio::net::lookup_host((host, port)).await {
                Ok(addresses) => Ok(addresses.collect()),
                Err(error) if says_not_found(&error) => Err(io::Error::new(io::ErrorKind::NotFound, error)),
                Err(error) => Err(error),
            }
        })
    }
}

/// Whether the name is one of those that never exist and need not be asked for (RFC 6761 section 6.4).
fn is_invalid(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name.rsplit('.').next().is_some_and(|label| label.eq_ignore_ascii_case("invalid"))
}

/// Whether the system's resolver says that the name doesn't exist. The standard library keeps `getaddrinfo`'s code to
/// itself on Unix: what is left is its text, which is not translated because nobody calls `setlocale`.
fn says_not_found(error: &io::Error) -> bool {
    /// `WSAHOST_NOT_FOUND` and `WSANO_DATA`.
    const WINDOWS: [i32; 2] = [11001, 11004];
    const TEXTS: [&str; 6] = [
        "Name or service not known",                    // glibc, EAI_NONAME
        "No address associated with hostname",          // glibc, Android, EAI_NODATA
        "nodename nor servname provided, or not known", // Apple, BSD
        "Name does not resolve",                        // musl, EAI_NONAME
        "Name has no usable address",                   // musl, EAI_NODATA
        "hostname nor servname provided, or not known", // BSD of late
    ];
    if let Some(code) = error.raw_os_error() {
        return cfg!(windows) && WINDOWS.contains(&code);
    }
    let text = error.to_string();
    TEXTS.iter().any(|known| text.contains(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_systems_resolver_knows_addresses_and_localhost() {
        let addresses = SystemResolver.resolve("::1", 993).await.unwrap();
        assert_eq!(addresses, ["[::1]:993".parse().unwrap()]);
        let addresses = SystemResolver.resolve("localhost", 993).await.unwrap();
        assert!(!addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback()));
    }

    #[tokio::test]
    async fn a_name_under_invalid_never_exists() {
        for host in ["invalid", "mail.invalid", "mail.INVALID."] {
            let error = SystemResolver.resolve(host, 993).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
        assert!(!is_invalid("invalid.example") && !is_invalid("notinvalid"));
    }

    #[test]
    fn a_name_that_does_not_exist_is_told_from_a_resolver_that_does_not_answer() {
        let failed = |detail| io::Error::other(format!("failed to lookup address information: {detail}"));
        assert!(says_not_found(&failed("Name or service not known")));
        assert!(says_not_found(&failed("No address associated with hostname")));
        assert!(says_not_found(&failed("Name does not resolve")));
        assert!(!says_not_found(&failed("Temporary failure in name resolution")));
        assert!(!says_not_found(&failed("Try again")));
        assert!(!says_not_found(&io::Error::from_raw_os_error(11)));
    }
}
