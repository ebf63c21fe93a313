import CLinux
import Glibc

/// The device programs in effect for a cgroup, with those of the cgroups above it. See bpf(2) BPF_PROG_QUERY.
public enum DeviceProgramReadback {
    private static let programsMax: UInt32 = 64
    private static let bytesMax = 1 << 20

    public static func identifiers(of group: OwnedDescriptor) throws(KernelError) -> [UInt32] {
        var identifiers = [UInt32](repeating: 0, count: Int(programsMax))
        let count = try checked("bpf(BPF_PROG_QUERY)", on: "the cgroup's device programs") {
            bh_device_programs(group.number, &identifiers, programsMax)
        }
        return Array(identifiers.prefix(Int(count)))
    }

    /// A loaded program, 8 bytes an instruction, as the kernel's verifier left it. Needs CAP_SYS_ADMIN or CAP_BPF.
    public static func bytes(of identifier: UInt32) throws(KernelError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: bytesMax)
        let count = try checked("bpf(BPF_OBJ_GET_INFO_BY_FD)", on: "program \(identifier)") {
            bh_program_bytes(identifier, &bytes, UInt32(bytesMax))
        }
        return Array(bytes.prefix(Int(count)))
    }
}
