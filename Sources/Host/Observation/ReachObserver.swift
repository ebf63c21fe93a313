import Auditing
import AuditTrail
import Containers
import Diagnostics
import LinuxKernel
import Netlink
import Networking

/// What leads into a container from outside, and out of it besides files: published ports, local sockets, execs.
struct ReachObserver {
    let table: ProcessTable
    let process: Int32

    // MARK: Ports

    /// `declared` is the network its record has; `owner` whose entries of the packet filter are meant.
    func published(declared: String?, owner: String) -> Observed<[PublishedPortFacts]> {
        do throws(KernelError) {
            // Where nothing but loopback is, nothing of the host leads.
            let links = try TextFile.read("/proc/\(process)/net/dev", limit: 1 << 20)
            if SocketTable.links(links).allSatisfy({ $0 == "lo" }) { return .seen([]) }
        } catch {
            return .hidden("/proc/\(process)/net/dev cannot be read: \(error)")
        }
        guard let declared, declared.begins(with: "bridge:") || declared.begins(with: "container:") else {
            return proxied() ?? .hidden("which ports are published to it, only who made its network knows")
        }
        do throws(Failure) {
            let holder = declared.begins(with: "container:") ? String(declared.dropFirst("container:".count)) : owner
            guard let ports = try ContainerNetworks().publications(of: holder) else {
                return .hidden("the packet filter has nothing about it")
            }
            return .seen(
                ports.map { port in
                    PublishedPortFacts(
                        transport: port.transport.rawValue, hostAddress: port.hostAddress?.description,
                        hostPort: port.hostPort, port: port.port, source: "nft list table inet bulkhead")
                })
        } catch {
            return .hidden("\(error)")
        }
    }

    /// Docker keeps a process for each published port, which says all in its command line. Nil: none leads here.
    private func proxied() -> Observed<[PublishedPortFacts]>? {
        var addresses: Set<String> = []
        do throws(KernelError) {
            addresses = SocketTable.localAddresses(try TextFile.read("/proc/\(process)/net/fib_trie", limit: 64 << 20))
        } catch {
            return .hidden("/proc/\(process)/net/fib_trie cannot be read: \(error)")
        }
        let ports = table.rows.filter { $0.name == "docker-proxy" }.compactMap { row -> PublishedPortFacts? in
            let words = ForeignContainer.words(row.id)
            func value(_ name: String) -> String? { ForeignContainer.value(of: [name], in: words) }
            guard let address = value("-container-ip"), addresses.contains(address),
                let hostPort = value("-host-port").flatMap({ UInt16($0) })
            else { return nil }
            return PublishedPortFacts(
                transport: value("-proto") ?? "tcp", hostAddress: value("-host-ip"), hostPort: hostPort,
                port: value("-container-port").flatMap { UInt16($0) }, source: "/proc/\(row.id)/cmdline")
        }
        return ports.isEmpty ? nil : .seen(ports)
    }

    // MARK: Local sockets

    func outsidePeers(_ descriptors: [DescriptorFacts], members: Set<Int32>) -> Observed<[OutsidePeerFacts]> {
        var own: [UInt32: DescriptorFacts] = [:]
        for descriptor in descriptors {
            if let inode = Self.socket(descriptor.target) { own[inode] = descriptor }
        }
        do throws(KernelError) {
            // A socket stays in the network namespace it was made in: one that was handed in is in the host's.
            var all: [LocalSocket] = []
            if try isConnected(own.keys, "/proc/\(process)/net/unix") {
                all += try LocalSocket.all(in: NetworkNamespace(of: ProcessHandle.open(process)))
            }
            if try isConnected(own.keys, "/proc/thread-self/net/unix") {
                all += try LocalSocket.all(in: NetworkNamespace.current())
            }
            var wanted: [UInt32: (socket: LocalSocket, descriptor: DescriptorFacts)] = [:]
            for socket in all {
                guard let peer = socket.peer, peer != 0, own[peer] == nil, let descriptor = own[socket.inode] else {
                    continue
                }
                wanted[peer] = (socket, descriptor)
            }
            return .seen(wanted.isEmpty ? [] : holders(of: wanted, besides: members))
        } catch {
            return .hidden("the peers of its local sockets cannot be read: \(error)")
        }
    }

    /// Most containers have none, and not every kernel tells the peers.
    private func isConnected(_ sockets: some Sequence<UInt32>, _ table: String) throws(KernelError) -> Bool {
        !SocketTable.connected(try TextFile.read(table, limit: 64 << 20)).isDisjoint(with: sockets)
    }

    private func holders(
        of wanted: [UInt32: (socket: LocalSocket, descriptor: DescriptorFacts)], besides members: Set<Int32>
    ) -> [OutsidePeerFacts] {
        var found: [OutsidePeerFacts] = []
        for row in table.rows where !members.contains(row.id) {
            for inode in Self.sockets(of: row.id) {
                guard let known = wanted[inode] else { continue }
                found.append(
                    OutsidePeerFacts(
                        process: known.descriptor.process, descriptor: known.descriptor.name, name: known.socket.name,
                        peerProcess: row.id, peerOwner: ContainerObserver.owner(row)))
            }
        }
        return found.sorted {
            ($0.process, $0.descriptor, $0.peerProcess) < ($1.process, $1.descriptor, $1.peerProcess)
        }
    }

    /// Empty for a process that has ended, which holds nothing.
    private static func sockets(of process: Int32) -> Set<UInt32> {
        do throws(KernelError) {
            return Set(try DescriptorTables.open(by: process).compactMap { socket($0.target) })
        } catch {
            return []
        }
    }

    /// The number in `socket:[4711]`.
    private static func socket(_ target: String) -> UInt32? {
        guard target.begins(with: "socket:[") else { return nil }
        return UInt32(target.dropFirst("socket:[".count).dropLast())
    }

    // MARK: Execs

    static func entries(_ container: String, log: AuditLog) -> Observed<[EntryFacts]> {
        do throws(Failure) {
            guard let entries = try log.entries(about: container) else {
                return .hidden("its launch is in no file of the log in \(log.directory)")
            }
            let seen = entries.filter { $0.event == "exec" }.map { entry in
                EntryFacts(
                    number: entry.sequence, program: entry.details["program"]?.text ?? "",
                    user: entry.details["user"]?.text ?? "")
            }
            // Too many in a minute: whose these were is not known, and nothing may be hidden behind others.
            let nameless = entries.first { entry in
                entry.event == "repeated" && entry.details["of"]?.text == "exec" && entry.details["user"] == nil
            }
            if let nameless, !seen.contains(where: { $0.user == "0" || $0.user.begins(with: "0:") }) {
                return .hidden("entry \(nameless.sequence) of the log only counts who entered it")
            }
            return .seen(seen)
        } catch {
            return .hidden("\(error)")
        }
    }
}
