import Containers
import Diagnostics
import FoundationEssentials
import LinuxKernel
import NetworkFormat

/// The networks of one network namespace of this host, on disk: `/run/bulkhead/network/INODE/`, shared by every
/// installation of Bulkhead on the host, for they share its bridges. Everything is read and changed under one lock.
///
/// `networks/NAME.json`, `containers/ID.json`, `leases/NETWORK/OFFSET` (the holder's id), `ports/PROTOCOL-PORT` (a line
/// a holder: its id and the publication), `former/NETWORK/OFFSET` (see `FormerLeases`), `settings.json`.
struct NetworkFiles: Sendable {
    private static let fileBytesMax = 1 << 20
    let root: String
    private let lock: OwnedDescriptor

    /// Waits for the lock, which ends with this value. Nil when `making` is false and there is nothing yet.
    static func open(_ root: String, making: Bool) throws(Failure) -> NetworkFiles? {
        do throws(KernelError) {
            let place = "\(root)/\(try NetworkNamespace.current().identity())"
            if !making, !HostFacts.exists(place) { return nil }
            for folder in ["networks", "containers", "leases", "ports"] {
                try Directories.makeAll("\(place)/\(folder)", mode: 0o700)
            }
            let lock = try OwnedDescriptor.open(RawPath(place + "/lock"), [.readWrite, .create, .noFollow], mode: 0o600)
            _ = try lock.lock(exclusive: true, wait: true)
            return NetworkFiles(root: place, lock: lock)
        } catch {
            throw error.failure("state.unwritable", doing: "lock the state of this host's networks", on: root)
        }
    }

    /// Whether there is anything of a container, without the lock, which everybody on the host waits for: its document
    /// is written before its first process is made and removed last, by whoever has the container to itself.
    static func mention(_ id: ContainerID, below root: String) throws(Failure) -> Bool {
        do throws(KernelError) {
            return HostFacts.exists("\(root)/\(try NetworkNamespace.current().identity())/containers/\(id.text).json")
        } catch {
            throw error.failure("state.unreadable", doing: "read the state of a network", on: root)
        }
    }

    // MARK: Documents

    func write(_ value: some Encodable, to name: String) throws(Failure) {
        let bytes: [UInt8]
        do { bytes = Array(try JSONEncoder().encode(value)) } catch {
            throw Failure("state.unwritable", doing: "encode", on: name, cause: "\(error)")
        }
        try attempt("write", name) { () throws(KernelError) in
            let folder = try OwnedDescriptor.open(RawPath(root), [.directory])
            try folder.open("unfinished", [.writeOnly, .create, .truncate], mode: 0o600).write(bytes)
            try folder.rename("unfinished", to: RawPath(name))
        }
    }

    func read<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws(Failure) -> Value? {
        let bytes: [UInt8]
        do throws(KernelError) {
            bytes = try OwnedDescriptor.open(RawPath("\(root)/\(name)")).readAll(limit: Self.fileBytesMax)
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error.failure("state.unreadable", doing: "read the state of a network", on: name)
        }
        do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
            throw Failure(
                "state.damaged", doing: "read the state of a network", on: "\(root)/\(name)", cause: "\(error)",
                remedy: "end the containers that use it, then remove that file")
        }
    }

    /// A file that is not there is fine.
    func remove(_ name: String) throws(Failure) {
        try attempt("remove", name) { () throws(KernelError) in
            do throws(KernelError) {
                try OwnedDescriptor.open(RawPath(root), [.directory]).unlink(RawPath(name))
            } catch {
                guard error.errno == Errno.noEntry else { throw error }
            }
        }
    }

    func names(in folder: String) throws(Failure) -> [String] {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath("\(root)/\(folder)"), [.directory]).entries()
                .map(\.name.description).sorted()
        } catch {
            if error.errno == Errno.noEntry { return [] }
            throw error.failure("state.unreadable", doing: "list the state of networks", on: folder)
        }
    }

    func attempt<Value>(
        _ doing: String, _ name: String, _ body: () throws(KernelError) -> Value
    ) throws(Failure) -> Value {
        do throws(KernelError) { return try body() } catch {
            throw error.failure("state.unwritable", doing: "\(doing) the state of networks", on: "\(root)/\(name)")
        }
    }

    // MARK: Networks and containers

    private static func document(_ name: String) -> String? {
        name.ends(with: ".json") ? String(name.dropLast(5)) : nil
    }

    func network(_ name: String) throws(Failure) -> BridgeNetwork? { try read("networks/\(name).json") }
    func write(_ network: BridgeNetwork) throws(Failure) { try write(network, to: "networks/\(network.name).json") }

    func networks() throws(Failure) -> [BridgeNetwork] {
        var result: [BridgeNetwork] = []
        for name in try names(in: "networks").compactMap(Self.document) {
            if let network = try network(name) { result.append(network) }
        }
        return result
    }

    func attachment(_ id: ContainerID) throws(Failure) -> NetworkAttachment? {
        try read("containers/\(id.text).json")
    }

    func write(_ attachment: NetworkAttachment) throws(Failure) {
        try write(attachment, to: "containers/\(attachment.container.text).json")
    }

    func attachments() throws(Failure) -> [NetworkAttachment] {
        var result: [NetworkAttachment] = []
        for name in try names(in: "containers").compactMap(Self.document) {
            if let attachment: NetworkAttachment = try read("containers/\(name).json") { result.append(attachment) }
        }
        return result
    }

    // MARK: Addresses

    /// The holder of each lease by its offset.
    func leases(_ network: String) throws(Failure) -> [UInt32: String] {
        var result: [UInt32: String] = [:]
        for name in try names(in: "leases/" + network) {
            if let offset = UInt32(name) { result[offset] = "" }
        }
        return result
    }

    func takeLease(_ offset: UInt32, of network: String, for id: ContainerID) throws(Failure) {
        try attempt("write", "leases/\(network)/\(offset)") { () throws(KernelError) in
            try Directories.makeAll("\(root)/leases/\(network)", mode: 0o700)
            let file = try OwnedDescriptor.open(
                RawPath("\(root)/leases/\(network)/\(offset)"), [.writeOnly, .create, .exclusive], mode: 0o600)
            try file.write(id.text)
        }
    }

    /// Gives back every lease whose holder is not one of `kept`, for leases a crash left without an attachment.
    func dropLeases(keeping kept: Set<String>) throws(Failure) {
        for network in try names(in: "leases") {
            for name in try names(in: "leases/" + network) where UInt32(name) != nil {
                let path = "leases/\(network)/\(name)"
                if kept.contains(try text(path) ?? "") { continue }
                if let offset = UInt32(name) { try addFormerLease(offset, of: network) }
                try remove(path)
            }
        }
        for name in try names(in: "ports") {
            try keepLines("ports/" + name) { kept.contains($0.cut(at: " ").first.map(String.init) ?? "") }
        }
    }

    private func text(_ name: String) throws(Failure) -> String? {
        do throws(KernelError) { return try TextFile.read("\(root)/\(name)", limit: Self.fileBytesMax) } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error.failure("state.unreadable", doing: "read the state of a network", on: name)
        }
    }

    // MARK: Ports

    private static func file(_ port: PortPublication) -> String {
        "ports/\(port.transport.rawValue)-\(port.hostPort)"
    }

    /// Who has a port that collides with this one; nil for nobody.
    func holder(of port: PortPublication) throws(Failure) -> String? {
        for line in try text(Self.file(port))?.cut(at: "\n") ?? [] {
            let words = line.cut(at: " ").map(String.init)
            let address = words.count > 1 ? IPAddress(words[1]) : nil
            let other = PortPublication(
                hostAddress: address, hostPort: port.hostPort, port: 0, transport: port.transport)
            if port.collides(with: other) { return words.first }
        }
        return nil
    }

    func takePort(_ port: PortPublication, for id: ContainerID) throws(Failure) {
        let line = id.text + (port.hostAddress.map { " \($0)" } ?? "") + "\n"
        try attempt("write", Self.file(port)) { () throws(KernelError) in
            try OwnedDescriptor.open(
                RawPath("\(root)/\(Self.file(port))"), [.writeOnly, .create, .append], mode: 0o600
            ).write(line)
        }
    }

    func release(_ attachment: NetworkAttachment, offset: UInt32?) throws(Failure) {
        for name in Set(attachment.ports.map(Self.file)).sorted() {
            try keepLines(name) { !$0.begins(with: attachment.container.text + " ") && $0 != attachment.container.text }
        }
        if let offset {
            try addFormerLease(offset, of: attachment.network)
            try remove("leases/\(attachment.network)/\(offset)")
        }
        try remove("containers/\(attachment.container.text).json")
    }

    private func keepLines(_ name: String, _ isKept: (String) -> Bool) throws(Failure) {
        guard let lines = try text(name)?.cut(at: "\n").map(String.init) else { return }
        let kept = lines.filter(isKept)
        if kept.isEmpty { return try remove(name) }
        if kept.count == lines.count { return }
        try attempt("write", name) { () throws(KernelError) in
            let folder = try OwnedDescriptor.open(RawPath(root), [.directory])
            try folder.open("unfinished", [.writeOnly, .create, .truncate], mode: 0o600)
                .write(kept.joined(separator: "\n") + "\n")
            try folder.rename("unfinished", to: RawPath(name))
        }
    }
}

/// What holds for all networks of the host.
struct NetworkSettings: Codable {
    /// Forty random bits of the addresses of version 6.
    var global: UInt64
    /// Whether the host was a router before it had bridges of ours.
    var routed4: Bool
    var routed6: Bool
    /// Whether br_netfilter was on, and we turned it off.
    var filteredBridges: Bool?
}
