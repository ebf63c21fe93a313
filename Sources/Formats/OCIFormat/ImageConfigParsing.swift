public import Diagnostics

extension ImageConfig {
    /// - Throws: what `JSONBounds` and `JSONObject` throw, and `image.config-*` naming the member at fault.
    public init(parsing content: [UInt8], limits: ImageLimits = .standard) throws(Failure) {
        let object = try JSONBounds(limits).object(parsing: content, as: "the image configuration")
        platform = try Platform(object)
        created = try Self.time("created", of: object)
        author = try object.string("author", bytes: limits.textBytes)
        layers = try Self.layers(of: object, limits: limits)
        history = try Self.history(of: object, limits: limits)
        if let config = try object.object("config") { try read(config, limits: limits) }
    }

    /// Only what a time of RFC 3339 is written with: it is shown to people.
    private static func time(_ name: String, of object: JSONObject) throws(Failure) -> String? {
        guard let text = try object.string(name, bytes: 64), !text.isEmpty else { return nil }
        guard text.utf8.allSatisfy({ (48...57).contains($0) || "TZtz:.+-".utf8.contains($0) }) else {
            throw object.refusal(
                "image.config-time", at: object.place(name), cause: "\(object.place(name)) is not a time")
        }
        return text
    }

    private static func layers(of object: JSONObject, limits: ImageLimits) throws(Failure) -> [Digest] {
        guard let rootfs = try object.object("rootfs") else { throw object.missing("rootfs") }
        let type = try rootfs.string("type", bytes: 64)
        guard type == "layers" else {
            throw rootfs.refusal("image.config-rootfs", at: rootfs.place("type"), cause: "rootfs.type is not 'layers'")
        }
        let texts = try rootfs.strings("diff_ids", entries: limits.documentValues, bytes: 256) ?? []
        guard texts.count <= limits.layers else {
            throw rootfs.refusal(
                "image.too-many-layers", at: rootfs.place("diff_ids"), cause: "it has \(texts.count) layers",
                limit: "layers \(limits.layers)")
        }
        var layers: [Digest] = []
        for (index, text) in texts.enumerated() {
            layers.append(try Digest(parsing: text, field: "\(rootfs.place("diff_ids"))[\(index)]"))
        }
        return layers
    }

    private static func history(of object: JSONObject, limits: ImageLimits) throws(Failure) -> [HistoryEntry] {
        var history: [HistoryEntry] = []
        for entry in try object.objects("history", entries: limits.historyEntries) ?? [] {
            history.append(
                HistoryEntry(
                    created: try Self.time("created", of: entry),
                    createdBy: try entry.string("created_by", bytes: Int(limits.documentBytes)),
                    comment: try entry.string("comment", bytes: limits.textBytes),
                    isEmptyLayer: try entry.bool("empty_layer") ?? false))
        }
        return history
    }

    private mutating func read(_ config: JSONObject, limits: ImageLimits) throws(Failure) {
        entrypoint =
            try config.strings(
                "Entrypoint", entries: limits.argumentEntries, bytes: limits.argumentEntryBytes) ?? []
        command = try config.strings("Cmd", entries: limits.argumentEntries, bytes: limits.argumentEntryBytes) ?? []
        environment = try Self.environment(of: config, limits: limits)
        workingDirectory = try config.string("WorkingDir", bytes: limits.pathBytes - 1) ?? ""
        if !workingDirectory.isEmpty { try Self.check(path: workingDirectory, at: "WorkingDir", in: config) }
        if let text = try config.string("User", bytes: 512), !text.isEmpty {
            user = try UserSpec(parsing: text, field: config.place("User"))
        }
        if let text = try config.string("StopSignal", bytes: 32), !text.isEmpty {
            guard StopSignal.isName(text) else {
                throw config.refusal(
                    "image.config-stop-signal", at: config.place("StopSignal"),
                    cause: "'\(text)' is neither a signal's name nor its number")
            }
            stopSignal = text
        }
        volumes = try config.names("Volumes", entries: limits.volumeEntries, bytes: limits.pathBytes - 1) ?? []
        for volume in volumes { try Self.check(path: volume, at: "Volumes", in: config) }
        for port in try config.names("ExposedPorts", entries: limits.exposedPortEntries, bytes: 64) ?? [] {
            guard let port = ExposedPort(parsing: port) else {
                throw config.refusal(
                    "image.config-port", at: config.place("ExposedPorts"),
                    cause: "'\(port)' is not a port such as 80/tcp")
            }
            exposedPorts.append(port)
        }
        labels = try config.texts("Labels", entries: limits.labelEntries, bytes: limits.labelBytes) ?? [:]
        healthcheck = try config.object("Healthcheck").map { check throws(Failure) in
            try Healthcheck(check, limits: limits)
        }
    }

    private static func environment(of config: JSONObject, limits: ImageLimits) throws(Failure) -> [String] {
        let entries =
            try config.strings(
                "Env", entries: limits.environmentEntries, bytes: limits.environmentEntryBytes) ?? []
        var total = 0
        for (index, entry) in entries.enumerated() {
            total += entry.utf8.count + 1
            guard let equals = entry.position(of: "="), equals != entry.startIndex else {
                throw config.refusal(
                    "image.config-environment", at: "\(config.place("Env"))[\(index)]",
                    cause: "\(config.place("Env"))[\(index)] is not of the form NAME=value")
            }
        }
        guard total <= limits.environmentBytes else {
            throw config.refusal(
                "image.document-text-too-long", at: config.place("Env"), cause: "the environment has \(total) bytes",
                limit: "bytes \(limits.environmentBytes)")
        }
        return entries
    }

    private static func check(path: String, at member: String, in config: JSONObject) throws(Failure) {
        let components = path.utf8.split(separator: UInt8(ascii: "/"))
        guard path.utf8.first == UInt8(ascii: "/"), !components.contains(where: { $0.elementsEqual("..".utf8) }) else {
            throw config.refusal(
                "image.config-path", at: config.place(member),
                cause: "'\(path.prefix(200))' is not an absolute path without '..'")
        }
    }
}

extension ExposedPort {
    /// Reads `80`, `80/tcp` and `8000-8010/udp`; nil for anything else.
    public init?(parsing text: String) {
        let parts = text.cut(at: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count),
            let transport = Transport(rawValue: parts.count == 2 ? String(parts[1]) : "tcp")
        else { return nil }
        let bounds = parts[0].cut(at: "-", omittingEmptySubsequences: false).map(Self.number)
        guard (1...2).contains(bounds.count), let lower = bounds[0], let upper = bounds[bounds.count - 1],
            lower <= upper
        else { return nil }
        self.init(numbers: lower...upper, transport: transport)
    }

    private static func number(_ text: Substring) -> UInt16? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = UInt16(text), number > 0
        else { return nil }
        return number
    }
}

extension Healthcheck {
    init(_ object: JSONObject, limits: ImageLimits) throws(Failure) {
        test = try object.strings("Test", entries: limits.argumentEntries, bytes: limits.argumentEntryBytes) ?? []
        interval = try Self.count("Interval", of: object)
        timeout = try Self.count("Timeout", of: object)
        startPeriod = try Self.count("StartPeriod", of: object)
        startInterval = try Self.count("StartInterval", of: object)
        retries = try Self.count("Retries", of: object)
        guard test.isEmpty || ["NONE", "CMD", "CMD-SHELL"].contains(test[0]) else {
            throw object.refusal(
                "image.config-healthcheck", at: object.place("Test"),
                cause: "'\(test[0].prefix(64))' is not a kind of check")
        }
    }

    private static func count(_ name: String, of object: JSONObject) throws(Failure) -> Int64 {
        let value = try object.integer(name) ?? 0
        guard value >= 0 else {
            throw object.refusal(
                "image.config-healthcheck", at: object.place(name), cause: "\(object.place(name)) is negative")
        }
        return value
    }
}

/// The form of a signal in an image: a number from 1 to 64 or a name such as SIGTERM, TERM, SIGRTMIN+3.
enum StopSignal {
    static func isName(_ text: String) -> Bool {
        if text.utf8.allSatisfy({ (48...57).contains($0) }) {
            guard let number = UInt8(text) else { return false }
            return (1...64).contains(number)
        }
        let name = text.begins(with: "SIG") ? text.dropFirst(3) : text[...]
        if names.contains(String(name)) { return true }
        for (base, sign) in [("RTMIN", "+"), ("RTMAX", "-")] where name.begins(with: base) {
            let offset = name.dropFirst(base.count)
            if offset.isEmpty { return true }
            guard offset.begins(with: sign), let number = UInt8(offset.dropFirst()) else { return false }
            return number <= 30 && !offset.dropFirst().begins(with: "+")
        }
        return false
    }

    private static let names: Set<String> = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "IOT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
        "ALRM",
        "TERM", "STKFLT", "CHLD", "CLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM",
        "PROF",
        "WINCH", "IO", "POLL", "PWR", "SYS",
    ]
}
