import Diagnostics
import OCIFormat

/// Which of a source's images are imported, and under which names. Pure.
struct ImageChoice {
    let request: ImportRequest

    func chosen(from plans: [ImagePlan]) throws(Failure) -> [ImagePlan] {
        var plans = try selected(from: plans)
        if let name = request.name {
            guard plans.count == 1 else { throw several(plans, "--name names one image") }
            plans[0].references = [try plainReference(name, field: "name")]
            return plans
        }
        let unnamed = plans.indices.filter { plans[$0].references.isEmpty }
        guard unnamed.count <= 1 else { throw several(plans, "\(unnamed.count) of them have no name") }
        if let index = unnamed.first {
            guard let stem = request.source.stem else {
                throw Failure(
                    "image.needs-name", doing: "import the image", on: request.source.shown, cause: "it has no name",
                    remedy: "give it one with --name", field: "name")
            }
            plans[index].references = [try ImageReference(parsing: stem)]
        }
        return plans
    }

    private func selected(from plans: [ImagePlan]) throws(Failure) -> [ImagePlan] {
        guard let text = request.reference else { return plans }
        let wanted = try plainReference(text, field: "reference")
        for var plan in plans where plan.references.contains(wanted) {
            plan.references = [wanted]
            return [plan]
        }
        throw Failure(
            "image.reference-missing", doing: "find \(wanted.familiar) in", on: request.source.shown,
            cause: "it holds \(names(plans))", remedy: "choose one of these with --reference", field: "reference")
    }

    private func plainReference(_ text: String, field: String) throws(Failure) -> ImageReference {
        let reference = try ImageReference(parsing: text)
        guard reference.digest == nil else {
            throw Failure(
                "image.reference-invalid", doing: "name an image", on: text,
                cause: "a name given to an image has no digest", remedy: "leave out what follows '@'", field: field)
        }
        return reference
    }

    private func several(_ plans: [ImagePlan], _ cause: String) -> Failure {
        Failure(
            "image.several-images", doing: "import", on: request.source.shown,
            cause: "it holds \(plans.count) images, \(names(plans)), and \(cause)",
            remedy: "choose one with --reference", field: "name")
    }

    private func names(_ plans: [ImagePlan]) -> String {
        plans.prefix(16).map { plan in
            plan.references.first?.familiar ?? "an image without a name (\(plan.manifest.configuration.digest.short))"
        }.joined(separator: ", ")
    }
}
