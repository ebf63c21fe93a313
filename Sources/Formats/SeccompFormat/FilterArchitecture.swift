import Diagnostics

/// A system-call ABI as seccomp(2) tells them apart: an audit architecture and, for x32, a bit in the call's number.
public enum FilterArchitecture: String, CaseIterable, Hashable, Sendable {
    case amd64 = "SCMP_ARCH_X86_64"
    case x86 = "SCMP_ARCH_X86"
    case x32 = "SCMP_ARCH_X32"
    case arm64 = "SCMP_ARCH_AARCH64"
    case arm = "SCMP_ARCH_ARM"

    /// The ABI this program was compiled for.
    #if arch(x86_64)
    public static let native = FilterArchitecture.amd64
    #elseif arch(arm64)
    public static let native = FilterArchitecture.arm64
    #else
    #error("seccomp filters are reviewed for x86-64 and arm64 only")
    #endif

    /// The bit that marks a call of the x32 ABI, which shares its audit architecture with x86-64.
    public static let x32Bit: UInt32 = 0x4000_0000

    /// `AUDIT_ARCH_*` of linux/audit.h, as seccomp_data.arch holds it.
    public var auditArchitecture: UInt32 {
        switch self {
        case .amd64, .x32: 0xc000_003e
        case .x86: 0x4000_0003
        case .arm64: 0xc000_00b7
        case .arm: 0x4000_0028
        }
    }

    /// The name in `includes.arches`, `excludes.arches` of Docker's profiles.
    public var dockerName: String {
        switch self {
        case .amd64: "amd64"
        case .x86: "x86"
        case .x32: "x32"
        case .arm64: "arm64"
        case .arm: "arm"
        }
    }

    /// Whether a processor whose native ABI is `native` runs programs of this one.
    public func runs(on native: FilterArchitecture) -> Bool {
        switch native {
        case .amd64: [.amd64, .x86, .x32].contains(self)
        case .arm64: [.arm64, .arm].contains(self)
        case .x86, .x32, .arm: self == native
        }
    }

    /// Names that profiles use for architectures this program is not built for. They are understood and unreachable.
    static let foreignNames: Set<String> = [
        "SCMP_ARCH_NATIVE", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",
        "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE",
        "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64",
        "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB",
    ]

    static let foreignDockerNames: Set<String> = [
        "mips", "mips64", "mips64n32", "mipsel", "mipsel64", "mipsel64n32", "ppc", "ppc64", "ppc64le", "s390", "s390x",
        "parisc", "parisc64", "riscv64", "loong64", "m68k", "sh", "sheb", "386",
    ]
}
