//! The settings that a flag, a variable and the configuration file can set.

/// The names of a setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// In the configuration file.
    pub name: &'static str,
    /// On the command line.
    pub flag: &'static str,
    /// In the environment.
    pub variable: &'static str,
}

const fn key(name: &'static str, flag: &'static str, variable: &'static str) -> Key {
    Key { name, flag, variable }
}

pub const ADVERTISE: Key = key("cluster.advertise", "--advertise-addr", "MAEL_ADVERTISE_ADDR");
pub const ALLOWED_IDS: Key = key("cluster.allowed_ids", "--allow-id", "MAEL_ALLOWED_IDS");
pub const BINDINGS: Key = key("cluster.bind", "--bind", "MAEL_BINDINGS");
pub const BODY_BYTES: Key = key("limits.body_bytes", "--max-body-bytes", "MAEL_MAX_BODY_BYTES");
pub const CLUSTER_ID: Key = key("cluster.id", "--cluster-id", "MAEL_CLUSTER_ID");
pub const COMPONENTS: Key = key("components", "--component", "MAEL_COMPONENTS");
pub const CONFIG: Key = key("", "--config", "MAEL_CONFIG");
pub const CONNECTIONS: Key = key("limits.connections", "--max-connections", "MAEL_MAX_CONNECTIONS");
pub const DATA_DIR: Key = key("cluster.data_dir", "--data-dir", "MAEL_DATA_DIR");
pub const DIAL_RANGES: Key = key("cluster.dial_ranges", "--dial-range", "MAEL_DIAL_RANGES");
pub const DRAIN: Key = key("limits.drain", "--drain", "MAEL_DRAIN");
pub const HEADER_COUNT: Key = key("limits.header_count", "--max-headers", "MAEL_MAX_HEADERS");
pub const HEAD_BYTES: Key = key("limits.head_bytes", "--max-head-bytes", "MAEL_MAX_HEAD_BYTES");
pub const HEAD_TIMEOUT: Key = key("limits.timeouts.head", "--head-timeout", "MAEL_HEAD_TIMEOUT");
pub const IDLE_TIMEOUT: Key = key("limits.timeouts.idle", "--idle-timeout", "MAEL_IDLE_TIMEOUT");
pub const JOIN: Key = key("cluster.join", "--join", "MAEL_JOIN");
pub const LOG: Key = key("log.filter", "--log", "MAEL_LOG");
pub const MIN_RATE: Key = key("limits.min_rate", "--min-rate", "MAEL_MIN_RATE");
pub const NAME: Key = key("cluster.name", "--name", "MAEL_NODE_NAME");
pub const PER_SOURCE: Key = key("limits.per_source", "--max-per-source", "MAEL_MAX_PER_SOURCE");
pub const PLAINTEXT: Key = key("cluster.plaintext", "--plaintext", "MAEL_PLAINTEXT");
pub const PRIVATE_ADDR: Key = key("cluster.listen", "--private-addr", "MAEL_PRIVATE_ADDR");
pub const PRIVATE_PORT: Key = key("cluster.listen", "--private-addr", "MAEL_PRIVATE_PORT");
pub const PUBLIC_ADDR: Key = key("gateway.listen", "--public-addr", "MAEL_PUBLIC_ADDR");
pub const PUBLIC_COMPONENTS: Key = key("gateway.components", "--public-component", "MAEL_PUBLIC_COMPONENTS");
pub const PUBLIC_PORT: Key = key("gateway.listen", "--public-addr", "MAEL_PUBLIC_PORT");
pub const PUBLIC_REDIRECT_ADDR: Key =
    key("gateway.redirect", "--public-redirect-addr", "MAEL_PUBLIC_REDIRECT_ADDR");
pub const PUBLIC_RULES: Key = key("gateway.rules", "--public-rule", "MAEL_PUBLIC_RULES");
pub const PUBLIC_TLS_CERT: Key = key("gateway.tls.cert", "--public-tls-cert", "MAEL_PUBLIC_TLS_CERT");
pub const PUBLIC_TLS_KEY: Key = key("gateway.tls.key", "--public-tls-key", "MAEL_PUBLIC_TLS_KEY");
pub const READ_TIMEOUT: Key = key("limits.timeouts.read", "--read-timeout", "MAEL_READ_TIMEOUT");
pub const REQUEST_TIMEOUT: Key = key("limits.timeouts.request", "--request-timeout", "MAEL_REQUEST_TIMEOUT");
pub const ROLES: Key = key("cluster.roles", "--role", "MAEL_ROLES");
pub const TLS_CA: Key = key("tls.ca", "--tls-ca", "MAEL_TLS_CA");
pub const TLS_CERT: Key = key("tls.cert", "--tls-cert", "MAEL_TLS_CERT");
pub const TLS_DIR: Key = key("tls.dir", "--tls-dir", "MAEL_PRIVATE_TLS_DIR");
pub const TLS_KEY: Key = key("tls.key", "--tls-key", "MAEL_TLS_KEY");
pub const TLS_KEY_PASSWORD: Key = key("tls.key_password", "", "MAEL_TLS_KEY_PASSWORD");
pub const TRUSTED_PROXIES: Key = key("gateway.trusted_proxies", "--trusted-proxy", "MAEL_TRUSTED_PROXIES");
pub const WRITE_TIMEOUT: Key = key("limits.timeouts.write", "--write-timeout", "MAEL_WRITE_TIMEOUT");

/// All of them.
pub const ALL: [Key; 40] = [
    ADVERTISE,
    ALLOWED_IDS,
    BINDINGS,
    BODY_BYTES,
    CLUSTER_ID,
    COMPONENTS,
    CONFIG,
    CONNECTIONS,
    DATA_DIR,
    DIAL_RANGES,
    DRAIN,
    HEADER_COUNT,
    HEAD_BYTES,
    HEAD_TIMEOUT,
    IDLE_TIMEOUT,
    JOIN,
    LOG,
    MIN_RATE,
    NAME,
    PER_SOURCE,
    PLAINTEXT,
    PRIVATE_ADDR,
    PRIVATE_PORT,
    PUBLIC_ADDR,
    PUBLIC_COMPONENTS,
    PUBLIC_PORT,
    PUBLIC_REDIRECT_ADDR,
    PUBLIC_RULES,
    PUBLIC_TLS_CERT,
    PUBLIC_TLS_KEY,
    READ_TIMEOUT,
    REQUEST_TIMEOUT,
    ROLES,
    TLS_CA,
    TLS_CERT,
    TLS_DIR,
    TLS_KEY,
    TLS_KEY_PASSWORD,
    TRUSTED_PROXIES,
    WRITE_TIMEOUT,
];
