//! The fields that the proxy does not simply pass on.

/// What a field's name means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Component,
    Connection,
    ContentLength,
    Deadline,
    Forwarded,
    ForwardedFor,
    ForwardedHost,
    ForwardedProto,
    Host,
    Http2Settings,
    /// Another field of Maelstrom's, which only nodes set.
    Maelstrom,
    Other,
    Proxy,
    RelayPath,
    Start,
    Te,
    TransferEncoding,
    /// It has an underscore.
    Underscore,
    Upgrade,
    Via,
}

impl Kind {
    /// The kind of the field called `name`. The length tells most of them apart.
    pub(super) fn of(name: &str) -> Self {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            2 if is("te") => Self::Te,
            3 if is("via") => Self::Via,
            4 if is("host") => Self::Host,
            5 if is("proxy") => Self::Proxy,
            7 if is("upgrade") => Self::Upgrade,
            9 if is("forwarded") => Self::Forwarded,
            10 if is("connection") => Self::Connection,
            14 if is("content-length") => Self::ContentLength,
            14 if is("http2-settings") => Self::Http2Settings,
            15 if is("x-forwarded-for") => Self::ForwardedFor,
            16 if is("x-forwarded-host") => Self::ForwardedHost,
            17 if is("x-forwarded-proto") => Self::ForwardedProto,
            17 if is("transfer-encoding") => Self::TransferEncoding,
            19 if is("maelstrom-component") => Self::Component,
            20 if is("maelstrom-relay-path") => Self::RelayPath,
            20 if is("maelstrom-start-nano") => Self::Start,
            23 if is("maelstrom-deadline-nano") => Self::Deadline,
            10.. if name.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("maelstrom-")) => {
                Self::Maelstrom
            }
            _ if name.contains('_') => Self::Underscore,
            _ => Self::Other,
        }
    }
}
