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

    /// Puts `program` in the place of all that are attached to `group` itself. While both are there, both must agree:
    /// at no moment may more be used than by the old ones or by the new one.
    public static func replace(by program: [UInt8], on group: OwnedDescriptor) throws(KernelError) {
        let directory = try OwnedDescriptor.open(RawPath(group.procPath), [.directory])
        var old = [UInt32](repeating: 0, count: attachedMax)
        let count = try checked("bpf(BPF_PROG_QUERY)", on: "the device filter") {
            bh_attached_device_programs(directory.number, &old, UInt32(attachedMax))
        }
        try attach(program, to: group)
        for identifier in old.prefix(Int(count)) {
            try checked("bpf(BPF_PROG_DETACH)", on: "the device filter") {
                bh_detach_device_program(identifier, directory.number)
            }
        }
    }

    /// The kernel takes no more on one cgroup.
    private static let attachedMax = 64

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
