import LinuxKernel

/// Who of a process's threads has a table of descriptors, or a place to stand in, that no other has: a thread may have
/// one of its own, and the first one of a process may have ended before the others, with nothing left to be seen in its
/// place.
enum DescriptorTables {
    /// With more tables than these in one process the rest is looked at without asking who shares.
    private static let comparedMax = 64

    /// One thread for each table there is; where the kernel does not say who shares, all.
    static func distinct(_ part: ThreadSharing.Part, _ threads: [Int32]) -> [Int32] {
        guard let first = threads.first, ThreadSharing.isShared(part, first, first) != nil else { return threads }
        var kept: [Int32] = []
        for thread in threads {
            let isKnown = kept.prefix(comparedMax).contains { ThreadSharing.isShared(part, $0, thread) == true }
            if !isKnown { kept.append(thread) }
        }
        return kept
    }

    /// What a process's descriptors lead to, of each table it has. Nothing for one that has ended.
    static func open(by process: Int32) throws(KernelError) -> [(thread: Int32, number: String, target: String)] {
        let threads = try names("/proc/\(process)/task").compactMap { Int32($0) }.sorted()
        var found: [(thread: Int32, number: String, target: String)] = []
        for thread in distinct(.descriptors, threads) {
            let directory = "/proc/\(process)/task/\(thread)/fd"
            for number in try names(directory) {
                guard let target = HostFacts.linkTarget("\(directory)/\(number)") else { continue }
                found.append((thread, number, target))
            }
        }
        return found
    }

    /// Empty for what has ended meanwhile, and holds nothing.
    static func names(_ directory: String) throws(KernelError) -> [String] {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(directory), [.directory]).entries().map(\.name.description).sorted()
        } catch {
            if error.errno == Errno.noEntry || error.errno == Errno.noProcess { return [] }
            throw error
        }
    }
}
