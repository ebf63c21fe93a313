import ClusterModel
import Determinism
import Testing

@testable import ClusterAPI

@Suite("Documents in parts")
struct DocumentPartTests {
    private static func responses() throws -> [OperatorResponse] {
        try ClusterSamples().operatorResponses() + [.state(StateView(tasks: TasksView(tasks: try many())))]
    }

    private static func many() throws -> [TaskView] {
        let few = Array(try ClusterSamples().stateView().tasks.tasks)
        return (0..<40).flatMap { _ in few }
    }

    @Test("Parts written by themselves, in any order, are the document", arguments: [1, 2, 3, 7, 256])
    func partsAreTheDocument(elements: Int) throws {
        for response in try Self.responses() {
            var (document, pieces, parts) = ([UInt8](), response.pieces(bytes: 1), [DocumentPart]())
            while let part = pieces.nextPart(elements: elements) { parts.append(part) }
            let written = parts.indices.reversed().map { parts[$0].write() }
            for part in written.reversed() { document += pieces.join(part) }
            let isSame = document == response.bytes()
            #expect(isSame, "\(response.typeName) in \(parts.count) parts")
        }
    }

    @Test("Parts go on where pieces ended", arguments: [1, 100, 5_000])
    func partsFollowPieces(bytes: Int) throws {
        for response in try Self.responses() {
            var pieces = response.pieces(bytes: bytes)
            var document = pieces.next() ?? []
            while let part = pieces.nextPart(elements: 2) { document += pieces.join(part.write()) }
            let isSame = document == response.bytes()
            #expect(isSame, "\(response.typeName)")
        }
    }

    @Test("The first record of a watcher is the same in parts")
    func subscription() throws {
        guard case .state(let state) = try #require(Self.responses().last) else { return }
        let event = OperatorEvent.subscribed(state, heartbeat: .seconds(15))
        var pieces = try #require(event.pieces(.json))
        var document: [UInt8] = []
        while let part = pieces.nextPart(elements: 3) { document += pieces.join(part.write()) }
        #expect(RecordFraming.record(document) == event.record())
        var read = try #require(event.pieces(.protobuf))
        var message: [UInt8] = []
        while let part = read.nextPart(elements: 3) { message += read.join(part.write()) }
        let name = OperatorEvent.message
        let tree = WireCodec.encode(event.value, as: name, .protobuf)
        let isSame = try WireCodec.decode(message, as: name, .protobuf) == WireCodec.decode(tree, as: name, .protobuf)
        #expect(isSame)
        #expect(WireFormat.allCases.allSatisfy { OperatorEvent.heartbeat.pieces($0) == nil })
    }

    @Test("A task that is gone when it is looked at leaves no comma behind", arguments: [1, 2, 3, 5, 100])
    func gone(elements: Int) throws {
        let tasks = try Self.many()
        let framework = try #require(tasks.first).framework
        for missing in [0..<0, 0..<1, 0..<7, 5..<9, (tasks.count - 6)..<tasks.count, 0..<tasks.count] {
            var listing = TaskListing()
            listing.append(tasks.count, of: framework) { missing.contains($0) ? nil : tasks[$0] }
            #expect(Array(listing) == tasks.indices.filter { !missing.contains($0) }.map { tasks[$0] })
            var view = TasksView()
            view.tasks = listing
            let response = OperatorResponse.tasks(view)
            var (document, pieces) = ([UInt8](), response.pieces())
            while let part = pieces.nextPart(elements: elements) { document += pieces.join(part.write()) }
            let isSame = document == response.bytes()
            #expect(isSame)
            if missing.count < tasks.count {
                let rest = OperatorResponse.tasks(TasksView(tasks: Array(listing)))
                #expect(document == rest.bytes())
            }
        }
    }
}

@Suite("Task listings")
struct TaskListingTests {
    @Test("A list of tasks is a listing and back, also of one framework")
    func listing() throws {
        let ids = try ["a", "a", "b", "a", "c"].map { name throws in try FrameworkID(name) }
        let agent = try AgentID("s")
        let tasks = try ids.enumerated().map { index, framework in
            TaskView(id: try TaskID("t\(index)"), name: "t", framework: framework, agent: agent, state: .running)
        }
        let listing = TaskListing(tasks)
        #expect(Array(listing) == tasks && listing.count == 5 && listing.first == tasks[0])
        #expect(tasks.indices.allSatisfy { listing[$0] == tasks[$0] })
        #expect(listing[5] == nil && listing[-1] == nil && TaskListing()[0] == nil && TaskListing().isEmpty)
        #expect(listing.of(ids[0]).map(\.id.text) == ["t0", "t1", "t3"])
        #expect(listing.of(ids[4]) + listing.of(ids[2]) == [tasks[4], tasks[2]])
        #expect(listing == TaskListing(tasks) && listing != TaskListing(tasks.dropLast()))
    }
}
