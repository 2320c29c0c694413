//! The machines that QEMU emulates.

/// An emulated machine with firmware of this project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Machine {
    /// A Cortex-M4F.
    #[default]
    An386,
    /// A Cortex-M7.
    An500,
    /// A Cortex-M33.
    An505,
    /// A RISC-V processor, RV32IMC.
    Virt,
}

impl Machine {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::An386, Self::An500, Self::An505, Self::Virt];

    /// The name of its firmware: folder, package and program below `boards`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::An386 => "qemu-mps2-an386",
            Self::An500 => "qemu-mps2-an500",
            Self::An505 => "qemu-mps2-an505",
            Self::Virt => "qemu-virt-riscv32",
        }
    }

    /// The compiler's name for its processor.
    #[must_use]
    pub const fn target(self) -> &'static str {
        match self {
            Self::An386 | Self::An500 => "thumbv7em-none-eabihf",
            Self::An505 => "thumbv8m.main-none-eabihf",
            Self::Virt => "riscv32imc-unknown-none-elf",
        }
    }

    /// The program that emulates it.
    pub(super) const fn qemu(self) -> &'static str {
        match self {
            Self::Virt => "qemu-system-riscv32",
            _ => "qemu-system-arm",
        }
    }

    /// That program's arguments for the machine, and for the network of one whose device is virtual.
    pub(super) const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::An386 => &["-M", "mps2-an386"],
            Self::An500 => &["-M", "mps2-an500"],
            Self::An505 => &["-M", "mps2-an505"],
            Self::Virt => &[
                "-M",
                "virt",
                "-bios",
                "none",
                "-global",
                "virtio-mmio.force-legacy=false",
                "-netdev",
                "user,id=net",
                "-device",
                "virtio-net-device,netdev=net",
            ],
        }
    }

    /// The address at which its firmware reads the settings.
    pub(super) const fn settings(self) -> u32 {
        match self {
            Self::An386 => 0x2100_0000,
            Self::An500 => 0x6000_0000,
            Self::An505 => 0x8000_0000,
            Self::Virt => 0x8400_0000,
        }
    }
}

/// Makes a test for each machine out of functions that take one: `on_every_machine!(a_board_joins, it_leaves)`.
#[macro_export]
macro_rules! on_every_machine {
    ($($test:ident),* $(,)?) => {
        $crate::on_every_machine!(@ an386 An386 $($test)*);
        $crate::on_every_machine!(@ an500 An500 $($test)*);
        $crate::on_every_machine!(@ an505 An505 $($test)*);
        $crate::on_every_machine!(@ virt Virt $($test)*);
    };
    (@ $module:ident $machine:ident $($test:ident)*) => {
        mod $module {
            $(
                #[test]
                fn $test() {
                    super::$test($crate::board::Machine::$machine);
                }
            )*
        }
    };
}
