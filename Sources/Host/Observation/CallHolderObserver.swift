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
                for open in try DescriptorTables.open(by: row.id) where open.target == mark {
                    found.append(
                        CallHolderFacts(
                            process: row.id, name: row.name, descriptor: open.number,
                            isInside: members.contains(row.id)))
                }
            } catch {
                return .hidden("the descriptors of process \(row.id) cannot be read: \(error)")
            }
        }
        return .seen(found)
    }
}
