//! Connections: HTTP/1.1 by hyper over sockets of [`World`], with TLS by rustls and the roots of this machine.

use super::limits::{CONNECT_TIMEOUT, IDLE_MAX};
use super::reference::is_loopback;
use crate::world::World;
use http_body_util::combinators::BoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

/// The body of a request.
pub(super) type Body = BoxBody<Bytes, io::Error>;
/// A connection whose last reply was just read needs a moment.
const READY_TIMEOUT: Duration = Duration::from_millis(20);

/// One side of all addresses: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    /// The origin of an absolute address.
    pub(super) fn of(address: &Uri) -> Option<Origin> {
        let secure = match address.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = address.authority()?;
        // A name and password inside an address go nowhere.
        if authority.as_str().contains('@') {
            return None;
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Some(Origin { secure, host: authority.host().to_owned(), port })
    }

    /// Whether what is sent there is read by nobody else on the way.
    pub(super) fn is_private(&self) -> bool {
        self.secure || is_loopback(&self.host)
    }

    /// The `Host` header.
    pub(super) fn header(&self) -> String {
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }
}

/// Opens connections and keeps a few.
pub(super) struct Wire {
    world: World,
    tls: Mutex<Option<TlsConnector>>,
    idle: Mutex<Vec<(Origin, SendRequest<Body>)>>,
}

impl Wire {
    pub(super) fn new(world: &World) -> Wire {
        Wire { world: world.clone(), tls: Mutex::default(), idle: Mutex::default() }
    }

    /// Sends a request and returns when its reply has begun.
    pub(super) async fn send(
        &self,
        to: &Origin,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, String> {
        let mut sender = match self.kept(to).await {
            Some(sender) => sender,
            None => tokio::time::timeout(CONNECT_TIMEOUT, self.connect(to))
                .await
                .unwrap_or_else(|_| Err(format!("no connection within {} s", CONNECT_TIMEOUT.as_secs())))?,
        };
        let reply = sender.send_request(request).await.map_err(|error| chain(&error))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push((to.clone(), sender));
        }
        Ok(reply)
    }

    async fn kept(&self, to: &Origin) -> Option<SendRequest<Body>> {
        loop {
            let mut sender = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                let at = idle.iter().position(|(origin, _)| origin == to)?;
                idle.swap_remove(at).1
            };
            if let Ok(Ok(())) = tokio::time::timeout(READY_TIMEOUT, sender.ready()).await {
                return Some(sender);
            }
        }
    }

    async fn connect(&self, to: &Origin) -> Result<SendRequest<Body>, String> {
        let bare = to.host.trim_start_matches('[').trim_end_matches(']');
        let addresses = self.world.resolve(bare, to.port).await.map_err(|error| error.to_string())?;
        let mut last = "the name has no address".to_owned();
        for address in addresses {
            match self.world.connect(address).await {
                Ok(socket) => {
                    // Small requests wait for nobody.
                    let _ = socket.set_nodelay(true);
                    if !to.secure {
                        return shake(socket).await;
                    }
                    let name = ServerName::try_from(bare.to_owned()).map_err(|error| error.to_string())?;
                    let secured = self.tls()?.connect(name, socket).await.map_err(|error| chain(&error))?;
                    return shake(secured).await;
                }
                Err(error) => last = error.to_string(),
            }
        }
        Err(last)
    }

    /// TLS with the roots of this machine, read once and only where needed.
    fn tls(&self) -> Result<TlsConnector, String> {
        let mut kept = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tls) = &*kept {
            return Ok(tls.clone());
        }
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err("this machine trusts no certificate: is `ca-certificates` installed?".to_owned());
        }
        let config =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| error.to_string())?
                .with_root_certificates(roots)
                .with_no_client_auth();
        let tls = TlsConnector::from(Arc::new(config));
        *kept = Some(tls.clone());
        Ok(tls)
    }
}

async fn shake<S>(socket: S) -> Result<SendRequest<Body>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.map_err(|error| chain(&error))?;
    // It ends when the sender is dropped or the other side closes; what went wrong is told by the request.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(one) = cause {
        text = format!("{text}: {one}");
        cause = one.source();
    }
    text
}
