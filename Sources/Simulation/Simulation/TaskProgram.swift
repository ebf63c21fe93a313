import ClusterModel
import Containers
import Determinism

/// What a simulated task does, written into its command and read from it where it runs.
struct TaskProgram: Hashable, Sendable {
    /// What it makes of SIGTERM.
    enum Manner: Hashable, Sendable {
        case dies
        case ignores
        /// Ends its own way, after a while.
        case ends(code: Int32, after: Duration)
    }
    /// Nil: it runs until it is ended.
    var lasts: Duration?
    var code: Int32 = 0
    var manner = Manner.dies
    /// The kernel ends it for its memory.
    var isHungry = false

    var text: String {
        let manner =
            switch self.manner {
            case .dies: "dies"
            case .ignores: "ignores"
            case .ends(let code, let after): "ends,\(code),\(after.milliseconds)"
            }
        return "task \(lasts.map { String($0.milliseconds) } ?? "-") \(code) \(manner) \(isHungry ? "hungry" : "-")"
    }

    /// Nil for what is none of ours.
    init?(_ text: String) {
        let words = text.cut(at: " ")
        guard words.count == 5, words[0] == "task", let code = Int32(words[2]) else { return nil }
        lasts = Int(words[1]).map { .milliseconds($0) }
        self.code = code
        isHungry = words[4] == "hungry"
        let parts = words[3].cut(at: ",")
        if parts.count == 3, let code = Int32(parts[1]), let delay = Int(parts[2]) {
            manner = .ends(code: code, after: .milliseconds(delay))
        } else {
            manner = words[3] == "ignores" ? .ignores : .dies
        }
    }

    init(lasts: Duration?) { self.lasts = lasts }

    init?(_ launch: ContainerLaunch) {
        guard case .shell(let line) = launch.program else { return nil }
        self.init(line)
    }

    static func drawn(_ random: inout SeededRandom) -> TaskProgram {
        var program = TaskProgram(lasts: nil)
        if random.chance(3, outOf: 4) { program.lasts = .milliseconds(random.pick([5, 900, 20_000, 90_000]) ?? 900) }
        if let lasts = program.lasts { program.lasts = lasts + .milliseconds(random.below(4_000)) }
        program.code = random.chance(1, outOf: 4) ? Int32(random.within(1...100)) : 0
        program.isHungry = random.chance(1, outOf: 20)
        switch random.below(6) {
        case 0: program.manner = .ignores
        case 1: program.manner = .ends(code: Int32(random.below(3)), after: .milliseconds(random.below(6_000)))
        default: program.manner = .dies
        }
        return program
    }
}

extension Duration {
    var milliseconds: Int64 { saturatingNanoseconds / 1_000_000 }
}
