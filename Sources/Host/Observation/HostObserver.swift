import AuditFormat
public import Auditing
public import HostProbe
import LinuxKernel

/// What of this host its rules ask for.
public enum HostObserver {
    private static let vulnerabilities = "/sys/devices/system/cpu/vulnerabilities"
    /// Writable by nobody else; state and keys readable by nobody else either.
    private static let noWriting: UInt32 = 0o022
    private static let noAccess: UInt32 = 0o077

    /// `programs` are Bulkhead's own; `store` and `state` its directories. What is not there is left out.
    public static func observe(
        _ host: HostAbilities, programs: [String], store: String, state: String
    ) -> HostState {
        HostState(
            subject: Subject(.host, id: HostFacts.hostName(), name: HostFacts.hostName()),
            surroundings: ContainerObserver.surroundings(host), settings: settings(),
            places: places(programs: programs, store: store, state: state),
            walls: Feature.allCases.map { feature in
                let ability = host.ability(feature)
                return HostState.Wall(feature.rawValue, state: ability.state.rawValue, why: ability.why ?? "")
            })
    }

    private static func settings() -> [HostState.Setting] {
        var paths = HostState.settingPaths
        do throws(KernelError) {
            let entries = try OwnedDescriptor.open(RawPath(vulnerabilities), [.directory]).entries()
            paths += entries.map { "\(vulnerabilities)/\($0.name)" }.sorted()
        } catch {
            // Older kernels do not tell; the rule then says so.
        }
        return paths.filter(HostFacts.exists).map { path in
            do throws(KernelError) {
                let text = try TextFile.read(path, limit: 4_096)
                return HostState.Setting(path, .seen(text.filter { !$0.isNewline }))
            } catch {
                return HostState.Setting(path, .hidden("\(path) cannot be read: \(error)"))
            }
        }
    }

    private static func places(programs: [String], store: String, state: String) -> Observed<[HostState.Place]> {
        let sockets = ["/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock"]
        var wanted: [(String, UInt32)] = programs.map { ($0, noWriting) }
        wanted += [(store, noAccess), (state, noWriting), ("/etc/bulkhead", noWriting)]
        wanted += ["blobs", "layers", "containers", "audit"].map { ("\(store)/\($0)", noAccess) }
        wanted += ["containers", "ids"].map { ("\(state)/\($0)", noAccess) }
        wanted += sockets.map { ($0, 0o002) }
        var found: [HostState.Place] = []
        for (path, forbidden) in wanted where HostFacts.exists(path) {
            do throws(KernelError) {
                let status = try OwnedDescriptor.open(RawPath(path), [.path]).status()
                found.append(HostState.Place(path, owner: status.uid, mode: status.mode, forbidden: forbidden))
            } catch {
                if error.errno == Errno.noEntry { continue }
                return .hidden("\(path) cannot be looked at: \(error)")
            }
        }
        return .seen(found)
    }
}
