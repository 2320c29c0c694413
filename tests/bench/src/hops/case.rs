//! The cases: the size of the answer, and how many clients ask for it at once.

/// One case. Each client has a connection of its own, and asks again when its answer is there.
#[derive(Clone, Copy)]
pub struct Case {
    size: &'static str,
    /// Where the upstream has a body of this size.
    pub path: &'static str,
    /// Bytes of the body.
    pub bytes: usize,
    /// Clients.
    pub clients: u32,
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 5] = [small(1), small(16), small(64), MEDIUM, LARGE];

    /// What the option `--case` calls it.
    pub fn id(self) -> String {
        format!("{}x{}", self.path.trim_start_matches('/'), self.clients)
    }

    /// What the table calls it.
    pub fn name(self) -> String {
        let clients = if self.clients == 1 { "client" } else { "clients" };
        format!("{}, {} {clients}", self.size, self.clients)
    }

    /// Whether the option names it; without the option, all are wanted.
    pub fn is_wanted(self, begins: &[String]) -> bool {
        begins.is_empty() || begins.iter().any(|begin| self.id().starts_with(begin.as_str()))
    }
}

const fn small(clients: u32) -> Case {
    Case { size: "128 B", path: "/128", bytes: 128, clients }
}

const MEDIUM: Case = Case { size: "64 KB", path: "/64k", bytes: 64 << 10, clients: 16 };
const LARGE: Case = Case { size: "1 MB", path: "/1m", bytes: 1 << 20, clients: 16 };
