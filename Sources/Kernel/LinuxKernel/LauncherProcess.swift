import CLinux
import Glibc

/// Starting the launcher: Swift never runs between clone and exec, spawn.c does. See clone(2).
public enum LauncherProcess {
    /// Starts `launcher` in the new namespaces `flags` (CLONE_NEW*), born in `cgroup` when given. The child has
    /// `descriptors` as 3, 4, … in order (nil leaves the number closed), this process's 0 to 2, and nothing else.
    ///
    /// A new user namespace is made by, and what is used in it charged to, the host user `owner`; 0 leaves it ours.
    ///
    /// With `joining` it is born in those namespaces (CLONE_NEW*) of another container, and what it makes anew belongs
    /// to that container's user namespace.
    ///
    /// `namespaces` are more of that kind, each by a descriptor of its file with its CLONE_NEW* flag; at most 8, none
    /// of time. A user namespace among them owns what is made anew.
    ///
    /// `spared` is for a cgroup that others run in: until it executes the child has our memory, and the kernel, which
    /// kills such a group as one when it has used up its memory, would kill us with it. The child cannot be killed for
    /// memory then (oom_score_adj -1000), until whoever calls writes another value for it. Nothing can be joined so.
    ///
    /// Returns once the launcher has been exec'ed; it then waits for its release.
    public static func start(
        launcher: OwnedDescriptor, flags: UInt64, cgroup: OwnedDescriptor?, descriptors: [OwnedDescriptor?],
        timeOffsets: String? = nil, owner: UInt32 = 0, spared: Bool = false,
        joining: (process: ProcessHandle, types: UInt64)? = nil,
        namespaces: [(file: OwnedDescriptor, type: UInt64)] = []
    ) throws(KernelError) -> ProcessHandle {
        let numbers = descriptors.map { $0?.number ?? -1 }
        var pidfd: Int32 = -1
        var failedCall: UnsafePointer<CChar>?
        let joins = namespaces.map {
            bh_join(descriptor: $0.file.number, type: Int32(truncatingIfNeeded: $0.type))
        }
        func spawn(_ offsets: UnsafePointer<CChar>?, _ joins: UnsafeBufferPointer<bh_join>) -> pid_t {
            numbers.withUnsafeBufferPointer { buffer in
                var request = bh_spawn(
                    flags: flags, cgroup: cgroup?.number ?? -1, launcher: launcher.number,
                    descriptors: buffer.baseAddress, descriptor_count: UInt32(buffer.count), time_offsets: offsets,
                    joined: joining?.process.descriptor.number ?? -1,
                    joined_types: Int32(truncatingIfNeeded: joining?.types ?? 0), joins: joins.baseAddress,
                    join_count: UInt32(joins.count), spared: spared ? 1 : 0, owner: owner)
                return bh_start_launcher(&request, &pidfd, &failedCall)
            }
        }
        let process = joins.withUnsafeBufferPointer { joins in
            timeOffsets.map { $0.withCString { spawn($0, joins) } } ?? spawn(nil, joins)
        }
        let number = errno
        // The numbers above are plain integers; keep their owners until the child has its copies.
        withExtendedLifetime((launcher, cgroup, descriptors, joining?.process, namespaces)) {}
        guard process > 0 else {
            let call = failedCall.map { String(cString: $0) } ?? "clone3"
            throw KernelError(call: call, on: "the launcher", errno: number)
        }
        return ProcessHandle(id: process, descriptor: OwnedDescriptor(owning: pidfd))
    }
}
