import Diagnostics
import LinuxKernel
import OCIFormat

/// The layer being written seen through the layers below it: finds the directory an entry goes into, and makes it.
///
/// Directories found are remembered along the last path, because archives name neighbours one after another; how many
/// descriptors that holds is bounded.
final class LayerView {
    let root: LayerDirectory
    /// False when nobody said what is below: whiteouts are then always written.
    let knowsLowers: Bool
    private let limits: ImageLimits
    private let times: DirectoryTimes
    private let budget: UnpackBudget
    private var trail = Trail()
    /// Whether a directory of the layer ever had access rights that what is made in it inherits.
    private(set) var hasInheritedAccess = false

    /// `lowers` are the roots of the layers below, topmost first; nil when they are not known.
    init(
        root: OwnedDescriptor, lowers: [OwnedDescriptor]?, limits: ImageLimits, times: DirectoryTimes,
        budget: UnpackBudget
    ) {
        self.root = LayerDirectory(upper: root, lowers: lowers ?? [])
        knowsLowers = lowers != nil
        self.limits = limits
        self.times = times
        self.budget = budget
    }

    /// A directory of the layer and its path from the root, free of links.
    struct Place {
        var directory: LayerDirectory
        var path: [RawPath]
    }

    /// The directory `components` lead to, links followed inside the root. What is missing is made; what only lower
    /// layers have is made here with their owner, mode and attributes, as an overlay mount does when it is written to.
    func directory(_ components: ArraySlice<RawPath>, for entry: [UInt8]) throws -> Place {
        var walk = PathWalk(components, depthMax: limits.pathDepth, bytesMax: limits.pathBytes)
        while case .lookUp(let name) = walk.next() {
            // What was resolved is a start of the trail: each step either follows it or cuts it and goes on from there.
            let depth = walk.resolved.count
            if trail.leads(to: name, from: depth) {
                try checked(entry) { () throws(PathWalk.Problem) in try walk.entered() }
                continue
            }
            let here = try directory(walk.resolved)
            switch try here.find(name) {
            case .directory(let upper, let lowers):
                try checked(entry) { () throws(PathWalk.Problem) in try walk.entered() }
                let made = try upper ?? copyUp(name, of: lowers, into: here, at: walk.resolved, for: entry)
                trail.extend(from: depth, by: name, LayerDirectory(upper: made, lowers: lowers))
            case .missing:
                try checked(entry) { () throws(PathWalk.Problem) in try walk.entered() }
                let made = try make(name, in: here, at: walk.resolved, for: entry)
                trail.extend(from: depth, by: name, LayerDirectory(upper: made, lowers: []))
            case .link(let target):
                try checked(entry) { () throws(PathWalk.Problem) in try walk.follow(target) }
            case .other:
                throw Refusal.entry(entry, field: "path", "\(name) on its way is not a directory")
            }
        }
        return Place(directory: try directory(walk.resolved), path: walk.resolved)
    }

    /// Forgets what was found below the first `depth` components of the last walk: something there is replaced. Called
    /// with 0 it forgets everything.
    func forget(below depth: Int) { trail.cut(to: depth) }

    /// Told of the attributes a file of the layer is given.
    func note(_ attributes: [RawPath]) {
        if attributes.contains(Self.inheritedAccess) { hasInheritedAccess = true }
    }

    private static let inheritedAccess: RawPath = "system.posix_acl_default"

    private func checked(_ entry: [UInt8], _ step: () throws(PathWalk.Problem) -> Void) throws(Failure) {
        do throws(PathWalk.Problem) {
            try step()
        } catch {
            let limit =
                switch error {
                case .tooManyLinks: "symbolic links \(PathWalk.linksMax)"
                case .tooDeep: "directory depth \(limits.pathDepth)"
                case .tooLong: "path bytes \(limits.pathBytes)"
                }
            throw Refusal.limit("unpack the entry", on: entry, field: "path", limit)
        }
    }
}

extension LayerView {
    /// The directory at the start of the trail that `resolved` is.
    private func directory(_ resolved: [RawPath]) throws -> LayerDirectory {
        if resolved.isEmpty { return root }
        if let held = trail[resolved.count - 1] { return held }
        var here = root
        for name in resolved {
            guard case .directory(let upper?, let lowers) = try here.find(name) else {
                preconditionFailure("a directory of the layer vanished while it was walked")
            }
            here = LayerDirectory(upper: upper, lowers: lowers)
        }
        trail.hold(here, at: resolved.count - 1)
        return here
    }
}

// Making directories that no entry described

extension LayerView {
    private func make(
        _ name: RawPath, in parent: LayerDirectory, at path: [RawPath], for entry: [UInt8]
    ) throws -> OwnedDescriptor {
        try budget.takeFile(for: entry)
        // A whiteout of this layer may stand there; what it hides must stay hidden below the new directory.
        let hides = try parent.upper.statusIfExists(of: name) != nil
        if hides { try parent.upper.unlink(name) }
        try parent.upper.makeDirectory(name, mode: 0o755)
        let made = try parent.upper.open(name, [.directory, .noFollow])
        try made.changeOwner(uid: 0, gid: 0)
        try made.changeMode(0o755)
        if hides { try hideLowers(made, of: parent, name) }
        try times.record(path, .untold)
        return made
    }

    /// Marks a directory that took the place of something else opaque, where lower layers have a directory it would
    /// otherwise be merged with.
    func hideLowers(_ directory: OwnedDescriptor, of parent: LayerDirectory, _ name: RawPath) throws {
        if knowsLowers, try parent.lowerStatus(of: name)?.status.kind != .directory { return }
        try directory.setAttribute(LayerDirectory.opaqueAttribute, to: [LayerDirectory.opaqueValue])
    }

    private func copyUp(
        _ name: RawPath, of lowers: [OwnedDescriptor], into parent: LayerDirectory, at path: [RawPath],
        for entry: [UInt8]
    ) throws -> OwnedDescriptor {
        guard let model = lowers.first else { preconditionFailure("a directory that no layer has") }
        try budget.takeFile(for: entry)
        let status = try model.status()
        try parent.upper.makeDirectory(name, mode: 0o700)
        let made = try parent.upper.open(name, [.directory, .noFollow])
        note(try made.take(status, attributesFrom: model, for: entry, within: budget))
        let modified = Timestamp(seconds: status.modifiedSeconds, nanoseconds: status.modifiedNanoseconds)
        try times.record(path, modified)
        return made
    }
}

extension OwnedDescriptor {
    /// Gives this file the owner, mode and attributes another layer has recorded, as an overlay's copy-up does. XFS has
    /// up to a mebibyte of attributes for each directory, so they count.
    /// - Returns: the names of the attributes.
    func take(
        _ status: FileStatus, attributesFrom model: OwnedDescriptor, for entry: [UInt8]?, within budget: UnpackBudget
    ) throws -> [RawPath] {
        try changeOwner(uid: status.uid, gid: status.gid)
        try changeMode(status.mode)
        let names = try model.attributeNames().filter { AttributeRule.isKept($0.bytes) }
        for name in names {
            let value = try model.attribute(name)
            try budget.take(bytes: UInt64(name.count + value.count), for: entry)
            try setAttribute(name, to: value)
        }
        return names
    }
}
