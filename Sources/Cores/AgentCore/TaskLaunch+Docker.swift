import ClusterModel
import Containers
import Diagnostics

/// Options of another engine's command line that clients send along: those known here are carried out, any other
/// refuses the launch, since a wall or a limit might hang on it.
extension Draft {
    mutating func applyDockerParameters() throws(Failure) {
        guard let docker = container?.docker else { return }
        if let driver = docker.volumeDriver {
            throw Failure(
                "launch.volume", doing: "launch it", on: driver, cause: "this agent has no volume drivers",
                remedy: "use host paths or persistent volumes", field: "container.docker.volume_driver")
        }
        for parameter in docker.parameters { try apply(parameter.key, parameter.value) }
    }

    private mutating func apply(_ key: String, _ value: String) throws(Failure) {
        switch key {
        case "env", "e":
            let (name, text) = Self.pair(value, "=")
            guard let text else { throw invalid(key, value, "it is not NAME=value") }
            environment.set(name, text)
        case "label", "l":
            let (name, text) = Self.pair(value, "=")
            labels[name] = text ?? ""
        case "hostname", "h": hostname = value
        case "user", "u": user = value
        case "workdir", "w": workingDirectory = value
        case "cap-add": addedCapabilities.append(value)
        case "cap-drop": droppedCapabilities.append(value)
        case "ulimit": processLimits.append(try limit(key, value))
        case "volume", "v": try addVolume(key, value)
        case "tmpfs": temporaryFilesystems.append(TemporaryFilesystem(target: Self.pair(value, ":").0))
        case "add-host":
            let (name, address) = Self.pair(value, ":")
            guard let address else { throw invalid(key, value, "it is not NAME:ADDRESS") }
            extraHosts.append("\(address) \(name)")
        case "dns": nameServers.append(value)
        case "interactive", "i": isInteractive = try flag(key, value)
        case "read-only": readOnlyRoot = try flag(key, value)
        case "init": if try !flag(key, value) { throw invalid(key, value, "every container has an init here") }
        case "shm-size": sharedMemoryBytes = try bytes(key, value)
        case "pids-limit":
            guard let number = UInt64(value), number > 0 else {
                throw invalid(key, value, "it is no number above zero")
            }
            pids = number
        case "stop-signal":
            guard let number = Self.signal(value) else { throw invalid(key, value, "there is no such signal") }
            stopSignal = number
        case "security-opt":
            let allowed = ["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"]
            guard allowed.contains(value) else { throw invalid(key, value, "only no-new-privileges is known here") }
        default:
            throw Failure(
                "launch.docker-parameter", doing: "launch it", on: key, cause: "this agent does not know the option",
                remedy: "leave it out, or use the container's own fields", field: "container.docker.parameters")
        }
    }

    private func invalid(_ key: String, _ value: String, _ cause: String) -> Failure {
        Failure(
            "launch.docker-parameter", doing: "launch it", on: "\(key)=\(value)", cause: cause,
            remedy: "correct it", field: "container.docker.parameters")
    }

    private static func pair(_ text: String, _ separator: Character) -> (String, String?) {
        guard let index = text.firstIndex(of: separator) else { return (text, nil) }
        return (String(text[..<index]), String(text[text.index(after: index)...]))
    }

    private func flag(_ key: String, _ value: String) throws(Failure) -> Bool {
        switch value {
        case "", "true": true
        case "false": false
        default: throw invalid(key, value, "it is neither true nor false")
        }
    }

    private mutating func addVolume(_ key: String, _ value: String) throws(Failure) {
        let parts = value.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count), parts[0].hasPrefix("/"),
            parts.count == 2 || ["ro", "rw"].contains(parts[2])
        else { throw invalid(key, value, "it is not /host/path:/path, perhaps with :ro") }
        hostVolumes.append((parts[0], parts[1], parts.count == 3 && parts[2] == "ro"))
    }

    private func limit(_ key: String, _ value: String) throws(Failure) -> NamedLimit {
        let (name, text) = Self.pair(value, "=")
        let (soft, hard) = Self.pair(text ?? "", ":")
        guard let low = UInt64(soft), let high = UInt64(hard ?? soft), low <= high else {
            throw invalid(key, value, "it is not NAME=SOFT:HARD")
        }
        return NamedLimit(name: name, soft: low, hard: high)
    }

    private func bytes(_ key: String, _ value: String) throws(Failure) -> UInt64 {
        let units: [Character: UInt64] = ["b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30]
        let unit = value.last.flatMap { units[Character($0.lowercased())] }
        guard let number = UInt64(unit == nil ? value[...] : value.dropLast()) else {
            throw invalid(key, value, "it is no size")
        }
        let (size, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
        if overflow { throw invalid(key, value, "it is no size") }
        return size
    }

    private static func signal(_ text: String) -> Int32? {
        if let number = Int32(text) { return (1...64).contains(number) ? number : nil }
        let names: [String: Int32] = [
            "HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "USR1": 10, "USR2": 12, "TERM": 15, "CONT": 18, "STOP": 19,
            "WINCH": 28,
        ]
        let upper = text.uppercased()
        return names[upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper]
    }
}
