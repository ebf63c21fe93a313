import LinuxKernel

/// Which project of a file system is which container's: the directory itself says so, and the file system's own table
/// says which numbers are taken, by whomever. There is no other list that could disagree (Docs/Decisions/0110).
enum ProjectLease {
    /// Above what people number by hand and other programs count up from.
    static let first: UInt32 = 0x4000_0000
    static let count: UInt32 = 0x3fff_ffff
    private static let attempts = 64
    private static let depthMax = 512
    private static let entriesMax = 4 << 20
    private static let namesMax = 128
    private static let tooMany = KernelError(call: "count the files: too many, or too deep", errno: Errno.nameTooLong)

    static func isOurs(_ project: UInt32) -> Bool { project >= first && project - first < count }

    /// Puts an empty directory into a project nobody else on its file system uses, unless it is in one of ours already
    /// and that will do. A crash after this is undone by `release`, as the directory is still there.
    static func take(
        for directory: OwnedDescriptor, anew: Bool = false, draw: () -> UInt64 = KernelRandom.number
    ) throws(KernelError) -> UInt32 {
        let known = try directory.project()
        if isOurs(known), !anew { return known }
        for _ in 0..<attempts {
            let candidate = first + UInt32(draw() % UInt64(count))
            guard try directory.quota(ofProject: candidate).isUnused else { continue }
            try directory.setProject(candidate, inherited: true)
            return candidate
        }
        throw KernelError(call: "find a free project: \(attempts) were taken", errno: Errno.busy)
    }

    /// Takes the limits of the directory's project away. One that is not there, or in no project of ours, is fine.
    static func release(_ path: String) throws(KernelError) {
        guard let directory = try opened(path) else { return }
        try release(directory)
    }

    static func release(_ directory: OwnedDescriptor) throws(KernelError) {
        let project = try projectIfAny(directory)
        guard let project, try !directory.quota(ofProject: project).isUnused else { return }
        try directory.setQuota(ofProject: project, bytesMax: 0, inodesMax: 0)
    }

    /// Use and limits of the directory's project; nil when it is in none of ours.
    static func quota(of path: String) throws(KernelError) -> ProjectQuota? {
        guard let directory = try opened(path), let project = try projectIfAny(directory) else { return nil }
        return try directory.quota(ofProject: project)
    }

    static func opened(_ path: String) throws(KernelError) -> OwnedDescriptor? {
        do throws(KernelError) { return try OwnedDescriptor.open(RawPath(path), [.directory, .noFollow]) } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error
        }
    }

    /// Many file systems know no projects at all.
    private static func projectIfAny(_ directory: OwnedDescriptor) throws(KernelError) -> UInt32? {
        if directory.projectQuotaState() == .none { return nil }
        let project = try directory.project()
        return isOurs(project) ? project : nil
    }

    /// Puts a directory with everything in it into `project`: what is there, and what comes. Links are not followed,
    /// mounts not crossed; sockets, pipes and devices take no space worth counting.
    static func adopt(_ directory: OwnedDescriptor, into project: UInt32) throws(KernelError) {
        var left = entriesMax
        try adopt(directory, project, depth: 0, &left)
    }

    private static func adopt(
        _ directory: OwnedDescriptor, _ project: UInt32, depth: Int, _ left: inout Int
    ) throws(KernelError) {
        guard depth < depthMax else { throw tooMany }
        try directory.setProject(project, inherited: true)
        // In parts: a descriptor and a few names for each level, whatever somebody has filled the directory with.
        var position: Int?
        repeat {
            let (entries, next) = try directory.entries(from: position, atMost: namesMax)
            for entry in entries {
                left -= 1
                guard left > 0 else { throw tooMany }
                try adopt(entry, in: directory, project, depth: depth, &left)
            }
            position = next
        } while position != nil
    }

    private static func adopt(
        _ entry: DirectoryEntry, in directory: OwnedDescriptor, _ project: UInt32, depth: Int, _ left: inout Int
    ) throws(KernelError) {
        do throws(KernelError) {
            let kind: FileStatus.Kind
            if let known = entry.kind { kind = known } else { kind = try directory.status(of: entry.name).kind }
            guard kind == .directory || kind == .regular else { return }
            let flags: OpenFlags =
                kind == .directory ? [.directory, .noFollow] : [.noFollow, .nonBlocking, .noControllingTerminal]
            let child = try directory.open(entry.name, flags, rules: [.beneath, .noLinks, .noCrossDevice])
            if kind == .directory {
                try adopt(child, project, depth: depth + 1, &left)
            } else if try child.status().kind == .regular {
                try child.setProject(project, inherited: false)
            }
        } catch {
            // Gone meanwhile, or a mount: neither is the container's.
            guard [Errno.noEntry, Errno.crossDevice, Errno.tooManyLinks].contains(error.errno) else { throw error }
        }
    }
}
