import Containerizing
public import Containers
public import Diagnostics
import HostProbe
import ImageStorage
import LinuxKernel

extension NativeTasks {
    public func update(_ id: ContainerID, limits: ContainerLimits) async throws(Failure) {
        await ledger.awaitLaunch(id)
        try await pool.run { [runtime] () throws(Failure) in try runtime.update(id, limits: limits) }
        ledger.change(id) { $0.request.limits = limits }
    }

    public func usage(_ id: ContainerID) async throws(Failure) -> ContainerUsage? {
        guard let entry = ledger[id], entry.phase == .running else { return nil }
        return try await pool.run { [runtime] () throws(Failure) in
            do throws(Failure) { return try runtime.usage(id) } catch {
                if error.code == "container.not-running" || error.code == "container.not-found" { return nil }
                throw error
            }
        }
    }

    public func status(_ id: ContainerID) async throws(Failure) -> ContainerView? {
        guard let entry = ledger[id] else { return nil }
        switch entry.phase {
        case .launching: return ContainerView(state: .launching)
        case .ended(let exit): return ContainerView(state: .ended, exit: exit)
        case .running:
            let status = try await pool.run { [runtime] () throws(Failure) in try runtime.status(of: id) }
            return ContainerView(
                state: status?.state == .paused ? .paused : .running, process: entry.detail?.process.id,
                startedAt: status?.record.startedAt, unenforced: unenforced(entry.detail?.request))
        }
    }

    /// Limits that were asked for and accepted to go unheld.
    private func unenforced(_ request: ContainerRequest?) -> [String] {
        guard let request else { return [] }
        let limits = request.limits
        let asked: [(Feature, Bool)] = [
            (.cpu, limits.cpus != nil || limits.cpuWeight != nil), (.memory, limits.memory != nil),
            (.swap, limits.swap != nil), (.cpuset, limits.cpuset != nil), (.io, !limits.io.isEmpty),
            (.pids, limits.pidsAsked),
        ]
        return asked.filter { $0.1 && runtime.host.ability($0.0).state != .enforced }.map(\.0.rawValue)
    }

    public func retire() async throws(Failure) {
        try await pool.run { [runtime] () throws(Failure) in
            var first: Failure?
            do throws(Failure) { try runtime.trail.settle() } catch { first = error }
            try runtime.namespaces?.end()
            if let first { throw first }
        }
    }

    public func pruneImages(excluding: [String]) async throws(Failure) -> [String] {
        guard let images else { return [] }
        return try await pool.run { () throws(Failure) in
            // Decided at once: a name taken off before it is known whether a container has the image would be lost.
            let removed = try images.prune(.allExcept(Set(excluding))).removed
            return removed.map { $0.references.first?.familiar ?? "\($0.id)" }
        }
    }

    // MARK: Network

    public func listen(_ id: ContainerID, port: UInt16) async throws(Failure) -> Int32 {
        let detail = try await runningDetail(id, to: "listen in")
        if let held = takeEndpoint(id, port: port) { return try Self.given(held) }
        return try await pool.run { () throws(Failure) in
            try Self.given(try Self.listen(detail.process, port))
        }
    }

    private func takeEndpoint(_ id: ContainerID, port: UInt16) -> OwnedDescriptor? {
        guard let endpoint = ledger[id]?.detail?.endpoint, endpoint.port == port else { return nil }
        ledger.change(id) { $0.endpoint = nil }
        return endpoint.socket
    }

    static func given(_ socket: OwnedDescriptor) throws(Failure) -> Int32 {
        do throws(KernelError) { return try socket.givenAway() } catch {
            throw error.failure("container.cannot-listen", doing: "hand over a socket of the container")
        }
    }

    static func listen(_ process: ProcessHandle, _ port: UInt16) throws(Failure) -> OwnedDescriptor {
        do throws(KernelError) { return try NetworkNamespace(of: process).listen(port: port) } catch {
            throw error.failure(
                "container.cannot-listen", doing: "listen at port \(port) inside the container",
                remedy: error.errno == Errno.addressInUse ? "see what in the container has the port" : nil)
        }
    }

    public func connect(
        _ id: ContainerID, address: String, port: UInt16, seconds: Double
    ) async throws(Failure) -> Int32 {
        let detail = try await runningDetail(id, to: "connect in")
        return try await detail.process.connection(to: address, port: port, seconds: seconds, on: pool)
    }

    func runningDetail(_ id: ContainerID, to operation: String) async throws(Failure) -> Detail {
        await ledger.awaitLaunch(id)
        guard let entry = ledger[id] else {
            throw Failure(
                "container.not-found", doing: "\(operation) container", on: id.text, cause: "there is none of that id")
        }
        guard entry.phase == .running, let detail = entry.detail else {
            throw Failure(
                "container.not-running", doing: "\(operation) container", on: id.text, cause: "it has ended")
        }
        return detail
    }
}
