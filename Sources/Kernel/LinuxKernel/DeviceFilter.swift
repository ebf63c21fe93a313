import CLinux
import Synchronization

/// An eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE on a cgroup: the kernel asks it at every open and mknod of a
/// device node by a process in there. See bpf(2).
public enum DeviceFilter {
    /// Programs this process has loaded. One may be attached to any number of cgroups, and most containers want the
    /// same one: the kernel need not check and translate it again.
    private static let loaded = Mutex<[[UInt8]: OwnedDescriptor]>([:])
    private static let loadedMax = 16

    /// Attaches `program` (8 bytes an instruction) to `group` beside those already there; all must agree.
    public static func attach(_ program: [UInt8], to group: OwnedDescriptor) throws(KernelError) {
        let loaded = try load(program)
        let directory = try OwnedDescriptor.open(RawPath(group.procPath), [.directory])
        try checked("bpf(BPF_PROG_ATTACH)", on: "the device filter") {
            bh_attach_device_program(loaded.number, directory.number)
        }
        withExtendedLifetime(loaded) {}
    }

    private static func load(_ program: [UInt8]) throws(KernelError) -> OwnedDescriptor {
        try loaded.withLock { loaded throws(KernelError) in
            if let known = loaded[program] { return known }
            let new = OwnedDescriptor(
                owning: try checked("bpf(BPF_PROG_LOAD)", on: "the device filter") {
                    bh_load_device_program(program, UInt32(program.count / 8))
                })
            if loaded.count >= loadedMax { loaded.removeAll() }
            loaded[program] = new
            return new
        }
    }
}
