import Auditing
import LinuxKernel

/// Finds who holds listeners of system call filters, seccomp_unotify(2). The kernel tells that a descriptor is one, and
/// not of which filter.
enum CallHolderObserver {
    private static let mark = "anon_inode:seccomp notify"

    static func observe(_ table: ProcessTable, members: Set<Int32>) -> Observed<[CallHolderFacts]> {
        var found: [CallHolderFacts] = []
        for row in table.rows {
            do throws(KernelError) {
                let entries = try OwnedDescriptor.open(RawPath("/proc/\(row.id)/fd"), [.directory]).entries()
                for name in entries.map(\.name.description)
                where HostFacts.linkTarget("/proc/\(row.id)/fd/\(name)") == mark {
                    found.append(
                        CallHolderFacts(
                            process: row.id, name: row.name, descriptor: name, isInside: members.contains(row.id)))
                }
            } catch {
                // It has ended, and holds nothing.
                if error.errno == Errno.noEntry || error.errno == Errno.noProcess { continue }
                return .hidden("/proc/\(row.id)/fd cannot be read: \(error)")
            }
        }
        return .seen(found)
    }
}
