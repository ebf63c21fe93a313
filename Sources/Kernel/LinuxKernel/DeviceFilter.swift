import CLinux

/// An eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE on a cgroup: the kernel asks it at every open and mknod of a
/// device node by a process in there. See bpf(2).
public enum DeviceFilter {
    /// Loads `program` (8 bytes an instruction) and attaches it beside those already there; all must agree.
    public static func attach(_ program: [UInt8], to group: OwnedDescriptor) throws(KernelError) {
        let loaded = OwnedDescriptor(
            owning: try checked("bpf(BPF_PROG_LOAD)", on: "the device filter") {
                bh_load_device_program(program, UInt32(program.count / 8))
            })
        let directory = try OwnedDescriptor.open(RawPath(group.procPath), [.directory])
        try checked("bpf(BPF_PROG_ATTACH)", on: "the device filter") {
            bh_attach_device_program(loaded.number, directory.number)
        }
    }
}
