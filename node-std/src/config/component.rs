//! A component that this node offers.

use core::str::FromStr;

use http::Uri;
use node_core::id::{BadName, Name};

use super::host_port::HostPort;

/// An HTTP service under a name that every node of the cluster can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The name that requests ask for.
    pub name: Name,
    /// Where it answers: `http://HOST[:PORT][/PREFIX]`.
    pub url: Uri,
}

impl FromStr for Component {
    type Err = BadComponent;

    fn from_str(text: &str) -> Result<Self, BadComponent> {
        let (name, url) = text.split_once('=').ok_or(BadComponent::Form)?;
        let name = Name::new(name)?;
        if name.as_str().starts_with("_mael") {
            return Err(BadComponent::Reserved);
        }
        let url: Uri = url.parse().map_err(|_| BadComponent::Url)?;
        if url.scheme() != Some(&http::uri::Scheme::HTTP) || url.query().is_some() {
            return Err(BadComponent::Url);
        }
        HostPort::of_url(&url, 80).map_err(|_| BadComponent::Url)?;
        Ok(Self { name, url })
    }
}

/// The text is not a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadComponent {
    /// There is no `=`.
    #[error("expected NAME=URL, such as shop=http://127.0.0.1:8080")]
    Form,
    /// The text before `=` is not a name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The gateway answers such paths itself.
    #[error("names that begin with _mael are the node's own: choose another")]
    Reserved,
    /// The text after `=` is not a URL that requests can be proxied to.
    #[error("the URL must be http://HOST:PORT, with a path prefix if need be")]
    Url,
}
