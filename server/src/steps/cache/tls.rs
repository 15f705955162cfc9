//! TLS for caches: the certificate is checked against the name that was asked for, always.
//!
//! By the authorities that the machine trusts, or by those of a file alone.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why nothing was said.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// Somebody has to set it up differently.
    #[error("{0}")]
    Setup(String),
    #[error("its certificate is not trusted: {0}")]
    Certificate(rustls::CertificateError),
    #[error("no TLS with it: {0}")]
    Cut(#[from] io::Error),
}

/// Shakes hands. `roots`: a PEM file with the authorities that are believed instead of the machine's.
pub(super) async fn over(
    stream: TcpStream,
    host: &str,
    roots: Option<&Path>,
) -> Result<TlsStream<TcpStream>, TlsError> {
    let setup = |error: &dyn std::fmt::Display| TlsError::Setup(error.to_string());
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| TlsError::Setup("its address names no host that a certificate can be for".to_owned()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| setup(&error))?;
    let config = match roots {
        Some(file) => config.with_root_certificates(read(file)?),
        None => config.with_platform_verifier().map_err(|error| setup(&error))?,
    };
    let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
    connector.connect(name, stream).await.map_err(|error| {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(why)) => TlsError::Certificate(why.clone()),
            _ => TlsError::Cut(error),
        }
    })
}

fn read(file: &Path) -> Result<RootCertStore, TlsError> {
    let wrong = |why: &dyn std::fmt::Display| TlsError::Setup(format!("`sslrootcert` {}: {why}", file.display()));
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() { Err(wrong(&"there is no certificate in it")) } else { Ok(roots) }
}
