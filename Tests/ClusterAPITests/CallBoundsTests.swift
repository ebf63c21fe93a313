import ClusterAPI
import ClusterModel
import Diagnostics
import Testing

@Suite("Calls with too much in them") struct CallBoundsTests {
    private func subscribe(_ info: [String: WireValue], _ more: [String: WireValue] = [:]) throws(Failure) {
        var info = info
        info["name"] = "n"
        var subscribe = more
        subscribe["framework_info"] = .object(info)
        _ = try SchedulerCall(.object(["type": "SUBSCRIBE", "subscribe": .object(subscribe)]))
    }

    private let multiRole: WireValue = .array([.object(["type": "MULTI_ROLE"])])

    private func names(_ count: Int) -> WireValue { .array((0..<count).map { .string("r\($0)") }) }

    @Test("a million roles are refused, wherever they are")
    func roles() throws {
        let roles = names(1_000_000)
        var failure = #expect(throws: Failure.self) {
            try self.subscribe(["capabilities": self.multiRole, "roles": roles])
        }
        #expect(failure?.field == "subscribe.framework_info.roles")
        #expect(failure?.cause?.contains("1000000 elements") == true)
        failure = #expect(throws: Failure.self) { try self.subscribe([:], ["suppressed_roles": roles]) }
        #expect(failure?.field == "subscribe.suppressed_roles")
        for type in ["REVIVE", "SUPPRESS"] {
            let call: [String: WireValue] = [
                "type": .string(type), "framework_id": .object(["value": "F"]),
                type.lowercased(): .object(["roles": roles]),
            ]
            failure = #expect(throws: Failure.self) { try SchedulerCall(.object(call)) }
            #expect(failure?.field == "\(type.lowercased()).roles")
        }
    }

    @Test("as many roles as a list may have are read, and suppressed")
    func manyRoles() throws {
        let roles = names(10_000)
        try subscribe(["capabilities": multiRole, "roles": roles], ["suppressed_roles": roles])
    }

    @Test("quantities of offers are bounded, in one alternative and in all")
    func quantities() throws {
        func filters(_ alternatives: Int, _ names: Int) -> WireValue {
            var amounts: [String: WireValue] = [:]
            for name in 0..<names { amounts["r\(name)"] = .object(["value": .number("1")]) }
            let list = Array(repeating: WireValue.object(["quantities": .object(amounts)]), count: alternatives)
            return .object(["*": .object(["min_allocatable_resources": .object(["quantities": .array(list)])])])
        }
        try subscribe(["offer_filters": filters(90, 100)])
        for (alternatives, names) in [(1, 101), (100, 100), (10_001, 0)] {
            let failure = #expect(throws: Failure.self) {
                try self.subscribe(["offer_filters": filters(alternatives, names)])
            }
            #expect(failure?.field?.hasPrefix("subscribe.framework_info.offer_filters") == true)
        }
    }

    private func constraining(_ predicate: WireValue, _ count: Int) -> [String: WireValue] {
        let one = WireValue.object(["selector": .object(["attribute_name": "a"]), "predicate": predicate])
        let group = WireValue.object(["attribute_constraints": .array(Array(repeating: one, count: count))])
        let role = WireValue.object(["groups": .array([group])])
        return ["offer_constraints": .object(["role_constraints": .object(["*": role])])]
    }

    private func matches(_ pattern: String) -> WireValue {
        .object(["text_matches": .object(["regex": .string(pattern)])])
    }

    @Test("constraints are bounded by their number and by what their patterns cost")
    func constraints() throws {
        let exists = WireValue.object(["exists": .object([:])])
        try subscribe([:], constraining(exists, 10_000))
        try subscribe([:], constraining(matches("a{0,333}"), 14))
        let wide = "[" + String(repeating: "a", count: 20_000) + "]"
        let long = "[" + String(repeating: "a", count: 70_000) + "]"
        for (predicate, count, says) in [
            (exists, 10_001, "more than 10000 constraints"), (matches("a{0,333}"), 100, "more than 10000 instructions"),
            (matches(wide), 1, "more than 10000 instructions"), (matches(long), 1, "more than 65536 bytes"),
        ] {
            let failure = #expect(throws: Failure.self) {
                try self.subscribe([:], self.constraining(predicate, count))
            }
            #expect(failure?.cause?.contains(says) == true, "\(String(describing: failure))")
        }
    }

    private func resources(_ count: Int) -> WireValue {
        .array(
            (0..<count).map { number -> WireValue in
                .object([
                    "name": .string("r\(number)"), "type": "SCALAR", "scalar": .object(["value": .number("1")]),
                ])
            })
    }

    private func operations(_ operation: [String: WireValue]) throws(Failure) -> [OfferOperation] {
        let accept = WireValue.object([
            "offer_ids": .array([.object(["value": "O"])]), "operations": .array([.object(operation)]),
        ])
        let call = try SchedulerCall(
            .object(["type": "ACCEPT", "framework_id": .object(["value": "F"]), "accept": accept]))
        guard case .accept(_, let operations, _) = call.action else { return [] }
        return operations
    }

    @Test("a task with too many resources is unfit, its sibling is read")
    func taskResources() throws {
        func task(_ id: String, _ count: Int) -> WireValue {
            .object([
                "name": "n", "task_id": .object(["value": .string(id)]), "agent_id": .object(["value": "S"]),
                "resources": resources(count), "command": .object(["value": "x"]),
            ])
        }
        let infos = WireValue.array([task("T1", 1_001), task("T2", 1_000)])
        let read = try operations(["type": "LAUNCH", "launch": .object(["task_infos": infos])])
        let unfit = try #require(read.first?.unfitTasks.first)
        #expect(unfit.id == "T1")
        #expect(unfit.why.contains("1001 elements, and 1000 are the most"))
        guard case .launch(let tasks)? = read.first?.action else {
            Issue.record("nothing is launched")
            return
        }
        #expect(tasks.map(\.id.text) == ["T2"])
    }

    @Test("an operation on too many resources is unfit")
    func operationResources() throws {
        let read = try operations(["type": "RESERVE", "reserve": .object(["resources": resources(1_001)])])
        guard case .unfit(let unfit)? = read.first?.action else {
            Issue.record("it is read")
            return
        }
        #expect(unfit.why.contains("1001 elements"))
    }
}
