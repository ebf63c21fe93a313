public import Containers
public import Diagnostics
public import LaunchPlanning

/// /etc/hosts, /etc/hostname and /etc/resolv.conf, made for the container and bound over the image's.
public struct HostFilesIsolator: Isolator {
    public let name = "host-files"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        let isolation = context.request.isolation
        var contribution = PlanContribution(isolator: name)
        let covered = Set(context.request.volumes.map { TargetPath($0.target) })
        // After the user's own mounts: in an empty /etc in memory these files are there all the same.
        for (file, contents) in Self.files(isolation)
        where !covered.contains(TargetPath("/etc/" + file)) && !covered.contains(TargetPath("/etc")) {
            let tree = DescriptorName("file:\(file)")
            contribution.open(tree, .generatedFile(name: file, contents: contents, mode: 0o644))
            contribution.add(
                .attach(tree: tree, target: "/etc/" + file, kind: .file, resolve: .create), at: .volumes)
        }
        return contribution
    }

    /// The files by their names in /etc.
    public static func files(_ isolation: IsolationRequest) -> [(name: String, text: String)] {
        [
            ("hosts", hosts(isolation)), ("hostname", isolation.hostname + "\n"),
            ("resolv.conf", resolver(isolation)),
        ]
    }

    static func hosts(_ isolation: IsolationRequest) -> String {
        var lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
        // Its own name leads to where others reach it.
        var own = ["127.0.1.1"]
        if case .bridge(let request) = isolation.network, let lease = request.lease {
            own = lease.addresses.map(\.description)
        }
        lines += own.map { "\($0)\t\(isolation.hostname)" }
        lines += isolation.extraHosts.map { $0.replacing(" ", with: "\t", maxReplacements: 1) }
        return lines.joined(separator: "\n") + "\n"
    }

    static func resolver(_ isolation: IsolationRequest) -> String {
        isolation.nameServers.map { "nameserver \($0)\n" }.joined()
    }
}
