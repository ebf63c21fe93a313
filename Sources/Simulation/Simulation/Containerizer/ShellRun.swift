import Containers
import Diagnostics

/// What a simulated process finds around it.
struct ShellSurroundings: Sendable {
    var environment: [String: String] = [:]
    var directory = "/"
    var user = "0"
    var hostname = ""
    var hasTerminal = false
    /// Writes to a file of the container; false: it cannot be written.
    var write: @Sendable ([UInt8], String) -> Bool = { _, _ in false }
    var exists: @Sendable (String) -> Bool = { _ in false }
    /// What it says, beside whoever listens: the output files of the launch.
    var record: @Sendable (SessionOutput) -> Void = { _ in }

    /// `NAME=value`.
    mutating func add(_ variables: [String]) {
        for variable in variables {
            guard let equals = variable.position(of: "=") else { continue }
            environment[String(variable[..<equals])] = String(variable[variable.index(after: equals)...])
        }
    }
}

/// One script, carried out by one process.
struct ShellRun: Sendable {
    /// Programs there are; a path may stand before each.
    static let programs: Set<String> = [
        "sh", "echo", "sleep", "true", "false", "cat", "test", "pwd", "id", "hostname", "stty",
    ]

    private struct Ended: Error {
        var end: SimulatedProcess.End
    }
    private let process: SimulatedProcess
    private var surroundings: ShellSurroundings
    private var variables: [String: String]
    /// What is done about a signal; empty: nothing. Without one the process ends.
    private var traps: [Int32: String] = [:]

    static func program(_ path: String) -> String? {
        let name = path.cut(at: "/").last.map(String.init) ?? path
        return programs.contains(name) ? name : nil
    }

    init(_ process: SimulatedProcess, _ surroundings: ShellSurroundings, arguments: [String] = []) {
        self.process = process
        self.surroundings = surroundings
        variables = surroundings.environment
        for (number, argument) in arguments.enumerated() { variables["\(number)"] = argument }
    }

    /// Runs `words` as a program with its arguments, to its end.
    static func run(_ words: [String], _ process: SimulatedProcess, _ surroundings: ShellSurroundings) async {
        let isShell = program(words.first ?? "") == "sh" && words.dropFirst().first == "-c"
        var run = ShellRun(process, surroundings, arguments: isShell ? Array(words.dropFirst(3)) : [])
        let end = await run.end { run throws(Ended) in
            guard isShell, words.count > 2 else { return try await run.execute(words, to: .output) }
            guard let script = ShellScript(words[2]) else {
                await run.say("sh: syntax error\n", to: .error)
                return 2
            }
            return try await run.carryOut(script)
        }
        process.finish(end)
    }

    private mutating func end(
        _ body: (inout ShellRun) async throws(Ended) -> Int32
    ) async -> SimulatedProcess.End {
        do throws(Ended) { return .code(try await body(&self)) } catch { return error.end }
    }

    // MARK: - Sentences

    private mutating func carryOut(_ script: ShellScript) async throws(Ended) -> Int32 {
        try await heedSignals()
        switch script {
        case .simple(let words, let output):
            return try await execute(words.flatMap(expanded), to: target(output))
        case .sequence(let parts):
            var code: Int32 = 0
            for part in parts { code = try await carryOut(part) }
            return code
        case .both(let left, let right):
            let code = try await carryOut(left)
            return code == 0 ? try await carryOut(right) : code
        case .either(let left, let right):
            let code = try await carryOut(left)
            return code == 0 ? code : try await carryOut(right)
        case .loop(let condition, let body, let whileZero):
            while (try await carryOut(condition) == 0) == whileZero {
                _ = try await carryOut(body)
                await Task.yield()
            }
            return 0
        }
    }

    private func expanded(_ word: ShellScript.Word) -> [String] {
        let text = word.parts.map { part in
            switch part {
            case .text(let text): text
            case .variable(let name): variables[name] ?? ""
            }
        }.joined()
        if word.isQuoted { return [text] }
        return text.cut(at: " ").map(String.init)
    }

    private enum Target { case output, error, file(String) }

    private func target(_ output: ShellScript.Output) -> Target {
        switch output {
        case .output: .output
        case .error: .error
        case .file(let word): .file(expanded(word).joined(separator: " "))
        }
    }

    // MARK: - Signals and time

    private mutating func heedSignals(isWaiting: Bool = false) async throws(Ended) {
        while let signal = process.nextSignal() {
            guard signal != 9, let action = traps[signal] else { throw Ended(end: .signal(signal)) }
            guard let script = ShellScript(action), !action.isEmpty else { continue }
            _ = try await carryOut(script)
        }
    }

    private mutating func wait(_ duration: Duration) async throws(Ended) {
        let clock = ContinuousClock()
        let end = clock.now + duration
        while clock.now < end {
            try await heedSignals()
            await SimulatedTime.pass(min(end - clock.now, SimulatedTime.step * 5))
        }
    }

    // MARK: - Programs

    private mutating func execute(_ words: [String], to target: Target) async throws(Ended) -> Int32 {
        guard let first = words.first else { return 0 }
        let rest = Array(words.dropFirst())
        switch first {
        case ":": return 0
        case "exit": throw Ended(end: .code(rest.first.flatMap { Int32($0) } ?? 0))
        case "exec": throw Ended(end: .code(try await execute(rest, to: target)))
        case "trap":
            if rest.last == "TERM" { traps[15] = rest.first ?? "" }
            return 0
        case "read": return try await read(into: rest.first ?? "REPLY")
        default: break
        }
        switch ShellRun.program(first) {
        case "echo": return await say(rest.joined(separator: " ") + "\n", to: target) ? 0 : 1
        case "sleep":
            try await wait(.milliseconds(Int((rest.first.flatMap(Double.init) ?? 0) * 1_000)))
            return 0
        case "true": return 0
        case "false": return 1
        case "cat": return try await copy()
        case "test": return rest.first == "-e" && surroundings.exists(rest.last ?? "") ? 0 : 1
        case "pwd": return await say(surroundings.directory + "\n", to: target) ? 0 : 1
        case "id": return await say(surroundings.user + "\n", to: target) ? 0 : 1
        case "hostname": return await say(surroundings.hostname + "\n", to: target) ? 0 : 1
        case "stty":
            let size = process.size
            return await say("\(size.rows) \(size.columns)\n", to: target) ? 0 : 1
        default:
            await say("sh: \(first): not found\n", to: .error)
            return 127
        }
    }

    @discardableResult
    private func say(_ text: String, to target: Target) async -> Bool {
        let bytes = Array(text.utf8)
        switch target {
        case .file(let path):
            if surroundings.write(bytes, path) { return true }
            await tell(.error(Array("sh: can't create \(path): Read-only file system\n".utf8)))
            return false
        case .error where !surroundings.hasTerminal: await tell(.error(bytes))
        case .output, .error: await tell(.output(bytes))
        }
        return true
    }

    private func tell(_ piece: SessionOutput) async {
        surroundings.record(piece)
        await process.say(piece)
    }

    private mutating func read(into name: String) async throws(Ended) -> Int32 {
        while true {
            try await heedSignals()
            switch process.takeInput(line: true) {
            case .bytes(let bytes):
                variables[name] = String(decoding: bytes, as: UTF8.self)
                return 0
            case .over: return 1
            case .nothingYet: await SimulatedTime.pass()
            }
        }
    }

    private mutating func copy() async throws(Ended) -> Int32 {
        while true {
            try await heedSignals()
            switch process.takeInput(line: false) {
            case .bytes(let bytes): await tell(.output(bytes))
            case .over: return 0
            case .nothingYet: await SimulatedTime.pass()
            }
        }
    }
}
