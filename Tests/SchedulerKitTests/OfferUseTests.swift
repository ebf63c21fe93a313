import SchedulerKit
import Testing

@Suite("Using an offer", .timeLimit(.minutes(5)))
struct OfferUseTests {
    private func use(_ resources: [Resource]) throws -> OfferUse {
        OfferUse(
            Offer(
                id: try OfferID("o"), framework: try FrameworkID("F"), agent: try AgentID("a"),
                role: try RoleName("eng"), address: NetworkAddress(hostname: "h", port: 5_051),
                resources: Array(Resources(resources).allocated(to: try RoleName("eng")))))
    }

    @Test("what is reserved for the role goes before what is nobody's, and what is taken is gone")
    func reservedFirst() throws {
        var use = try self.use(Resource.parse("cpus:2;mem:100;cpus(eng):1;mem(eng):50"))
        let given = use.take(ResourceWish(cpus: 1.5, memory: 50))
        let taken = try #require(given)
        let bag = Resources(taken)
        #expect(
            bag.reserved.amount(of: "cpus") == Scalar(1)
                && bag.unreserved.amount(of: "cpus") == Scalar(thousandths: 500))
        #expect(bag.reserved.amount(of: "mem") == Scalar(50) && bag.unreserved.amount(of: "mem").isZero)
        #expect(taken.allSatisfy { $0.allocatedTo?.text == "eng" })
        #expect(use.left.amount(of: "cpus") == Scalar(thousandths: 1_500))
        #expect(use.fits(ResourceWish(cpus: 1.5)) && !use.fits(ResourceWish(cpus: 1.501)))
    }

    @Test("nothing is taken when one of the resources does not fit")
    func allOrNothing() throws {
        var use = try self.use(Resource.parse("cpus:2;mem:100;ports:[1-2]"))
        for wish in [
            ResourceWish(cpus: 1, memory: 101), ResourceWish(cpus: 1, ports: 3), ResourceWish(cpus: 1, gpus: 1),
            ResourceWish(["cpus": Scalar(1), "licences": Scalar(1)]),
        ] {
            let taken = use.take(wish)
            let task = use.add(try TaskID("t"), wish, command: CommandSpec(.shell("")))
            #expect(taken == nil && task == nil)
        }
        #expect(use.left.amount(of: "cpus") == Scalar(2) && use.tasks.isEmpty)
    }

    @Test("ports are the lowest that are left, each given once")
    func ports() throws {
        var use = try self.use(Resource.parse("cpus:2;ports:[31000-31001,31005-31009]"))
        let command = CommandSpec(.shell(""))
        let first = use.add(try TaskID("1"), ResourceWish(cpus: 0.5, ports: 3), command: command)
        let second = use.add(try TaskID("2"), ResourceWish(cpus: 0.5, ports: 1), command: command)
        #expect(first?.ports == [31_000, 31_001, 31_005] && second?.ports == [31_006])
        #expect(use.tasks.map(\.id.text) == ["1", "2"])
    }

    @Test("volumes, revocable resources and amounts that are no numbers are left alone")
    func leftAlone() throws {
        var resources = try Resource.parse("cpus:1")
        resources.append(Resource("cpus", .scalar(Scalar(8)), isRevocable: true))
        let use = try self.use(resources)
        #expect(!use.fits(ResourceWish(cpus: 2)))
        #expect(use.fits(ResourceWish(cpus: .nan, memory: -5, gpus: -1, ports: -1)))
    }

    @Test("unique ids differ and keep their name; a name that is none is refused")
    func unique() throws {
        let ids = try (0..<100).map { _ in try TaskID.unique("web") }
        #expect(Set(ids).count == 100 && ids.allSatisfy { $0.text.hasPrefix("web.") })
        #expect(throws: Failure.self) { try TaskID.unique("a/b") }
    }

    @Test("a task made by hand takes its resources from the offer too")
    func byHand() throws {
        var use = try self.use(Resource.parse("cpus:1;mem:256;ports:[80-89]"))
        let offer = use.offer
        let wish = ResourceWish(cpus: 0.5, memory: 128, ports: 1)
        if let resources = use.take(wish) {
            var task = TaskSpec(
                id: try .unique("web"), name: "web", agent: offer.agent, resources: resources,
                runner: .command(CommandSpec(.execute(path: nil, arguments: ["nginx", "-g", "daemon off;"]))),
                killGracePeriod: .seconds(30),
                container: ContainerSpec(image: ContainerImage(.docker(name: "nginx:1"))))
            task.labels = [Label("tier", "front")]
            use.add(task)
        }
        #expect(use.tasks.map(\.ports) == [[80]] && use.tasks[0].labels.map(\.value) == ["front"])
        #expect(use.left.amount(of: "mem") == Scalar(128))
    }
}
