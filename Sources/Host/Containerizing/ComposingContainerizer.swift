public import Containers
public import Diagnostics
import Synchronization

/// Several containerizers as one. A launch is offered to them in the order a policy gives, until one takes it; every
/// other question goes to the one that has the container.
public final class ComposingContainerizer: Containerizer {
    public let name: String
    private let members: [any Containerizer]
    private let order: @Sendable (ContainerLaunch) -> [String]
    /// Which member has a container, while it is being launched and afterwards.
    private let places = Mutex<[ContainerID: Place]>([:])

    private enum Place {
        case launching
        case member(Int)
    }

    /// `order` gives names of members, best first; nil: all, as they are listed here.
    public init(_ members: [any Containerizer], order: (@Sendable (ContainerLaunch) -> [String])? = nil) {
        self.members = members
        let names = members.map(\.name)
        name = names.joined(separator: ",")
        self.order = order ?? { _ in names }
    }

    private func member(_ id: ContainerID) -> (any Containerizer)? {
        places.withLock { places in
            if case .member(let index) = places[id] { members[index] } else { nil }
        }
    }

    private func required(_ id: ContainerID, to operation: String) throws(Failure) -> any Containerizer {
        if let member = member(id) { return member }
        throw Failure(
            "container.not-found", doing: "\(operation) container", on: id.text, cause: "there is none of that id")
    }

    /// One that only one member has not seen may be another's: what vanished is what none of them has.
    public func recover(_ known: [ContainerLaunch]) async throws(Failure) -> ContainerRecovery {
        var all = ContainerRecovery()
        var found: Set<ContainerID> = []
        for (index, member) in members.enumerated() {
            let recovery = try await member.recover(known.filter { !found.contains($0.id) })
            all.adopted += recovery.adopted
            all.ended += recovery.ended
            all.destroyed += recovery.destroyed
            all.left += recovery.left
            for id in recovery.adopted + recovery.ended.map(\.id) {
                found.insert(id)
                places.withLock { $0[id] = .member(index) }
            }
        }
        all.vanished = known.map(\.id).filter { !found.contains($0) }
        return all
    }

    public func launch(_ launch: ContainerLaunch) async throws(Failure) -> LaunchAnswer {
        let isNew = places.withLock { places in
            guard places[launch.id] == nil else { return false }
            places[launch.id] = .launching
            return true
        }
        guard isNew else { return .alreadyLaunched }
        do throws(Failure) {
            let answer = try await offer(launch)
            if case .notSupported = answer { places.withLock { $0[launch.id] = nil } }
            return answer
        } catch {
            places.withLock { $0[launch.id] = nil }
            throw error
        }
    }

    private func offer(_ launch: ContainerLaunch) async throws(Failure) -> LaunchAnswer {
        var refusal: Failure?
        for index in candidates(launch) {
            let answer = try await members[index].launch(launch)
            switch answer {
            case .notSupported(let failure): refusal = refusal?.also(failure) ?? failure
            case .launched, .alreadyLaunched:
                places.withLock { $0[launch.id] = .member(index) }
                return answer
            }
        }
        return .notSupported(
            refusal
                ?? Failure(
                    "containerizer.none", doing: "launch container", on: launch.id.text,
                    cause: "no containerizer is allowed to", remedy: "see --containerizers"))
    }

    /// A child is where its parent is: nobody else could share anything of it.
    private func candidates(_ launch: ContainerLaunch) -> [Int] {
        if let parent = launch.parent, case .member(let index) = places.withLock({ $0[parent] }) { return [index] }
        return order(launch).compactMap { name in members.firstIndex { $0.name == name } }
    }

    public func update(_ id: ContainerID, limits: ContainerLimits) async throws(Failure) {
        try await required(id, to: "update").update(id, limits: limits)
    }

    public func usage(_ id: ContainerID) async throws(Failure) -> ContainerUsage? { try await member(id)?.usage(id) }
    public func status(_ id: ContainerID) async throws(Failure) -> ContainerView? { try await member(id)?.status(id) }

    public func containers() async throws(Failure) -> [ContainerID] {
        var all: [ContainerID] = []
        for member in members { all += try await member.containers() }
        return all.sorted()
    }

    public func wait(_ id: ContainerID) async throws(Failure) -> ContainerExit? { try await member(id)?.wait(id) }

    public func kill(_ id: ContainerID, signal: Int32) async throws(Failure) -> Bool {
        try await member(id)?.kill(id, signal: signal) ?? false
    }

    public func destroy(_ id: ContainerID) async throws(Failure) -> ContainerExit? {
        guard let member = member(id) else { return nil }
        let exit = try await member.destroy(id)
        // Before it is asked what is left: what is launched meanwhile is in neither list.
        let known = places.withLock { places in
            places.compactMap { entry -> ContainerID? in
                guard case .member(let index) = entry.value else { return nil }
                return members[index].name == member.name ? entry.key : nil
            }
        }
        let left = Set(try await member.containers())
        // With it went its children, which had to be where it was.
        places.withLock { places in for id in known where !left.contains(id) { places[id] = nil } }
        return exit
    }

    public func attach(
        _ id: ContainerID, from start: OutputStart
    ) async throws(Failure) -> (any ContainerSession)? {
        try await member(id)?.attach(id, from: start)
    }

    public func exec(_ id: ContainerID, _ request: ExecRequest) async throws(Failure) -> any ContainerSession {
        try await required(id, to: "exec in").exec(id, request)
    }

    public func listen(_ id: ContainerID, port: UInt16) async throws(Failure) -> Int32 {
        try await required(id, to: "listen in").listen(id, port: port)
    }

    public func connect(
        _ id: ContainerID, address: String, port: UInt16, seconds: Double
    ) async throws(Failure) -> Int32 {
        try await required(id, to: "connect in").connect(id, address: address, port: port, seconds: seconds)
    }

    public func limitsOutput(_ id: ContainerID) async -> Bool { await member(id)?.limitsOutput(id) ?? true }

    public func pruneImages(excluding: [String]) async throws(Failure) -> [String] {
        var removed: [String] = []
        for member in members {
            for name in try await member.pruneImages(excluding: excluding) where !removed.contains(name) {
                removed.append(name)
            }
        }
        return removed
    }

    /// One that fails keeps no other from it.
    public func retire() async throws(Failure) {
        var first: Failure?
        for member in members {
            do throws(Failure) { try await member.retire() } catch { first = first ?? error }
        }
        if let first { throw first }
    }

    public func events() -> AsyncStream<ContainerEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ContainerEvent.self, bufferingPolicy: .bufferingNewest(ContainerEvent.backlogMax))
        let sources = members.map { $0.events() }
        let merging = Task {
            await withTaskGroup(of: Void.self) { group in
                for source in sources {
                    group.addTask { for await event in source { continuation.yield(event) } }
                }
            }
        }
        continuation.onTermination = { _ in merging.cancel() }
        return stream
    }
}
