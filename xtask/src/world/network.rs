//! Sockets: the only places that open one.

use super::World;
use anyhow::Context as _;
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

impl World {
    /// Listens on an address; port 0 lets the kernel choose.
    ///
    /// # Errors
    /// Where the address is taken or not ours; the message names it.
    #[expect(clippy::disallowed_methods, reason = "this is the door itself")]
    pub async fn listen(&self, address: SocketAddr) -> anyhow::Result<TcpListener> {
        TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))
    }

    /// Connects to an address.
    ///
    /// # Errors
    /// Where nobody listens there.
    #[expect(clippy::disallowed_methods, reason = "this is the door itself")]
    pub async fn connect(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        TcpStream::connect(address).await
    }

    /// The addresses of a name, as the system resolves it.
    ///
    /// # Errors
    /// Where nobody knows it.
    pub async fn resolve(&self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    /// Listens on a Unix socket, which must not be there yet.
    ///
    /// # Errors
    /// Where it cannot be made; the message names it.
    pub fn listen_unix(&self, path: &Path) -> anyhow::Result<UnixListener> {
        UnixListener::bind(path).with_context(|| format!("failed to listen on {}", path.display()))
    }

    /// Connects to a Unix socket.
    ///
    /// # Errors
    /// Where nobody listens there.
    pub async fn connect_unix(&self, path: &Path) -> std::io::Result<UnixStream> {
        UnixStream::connect(path).await
    }
}
