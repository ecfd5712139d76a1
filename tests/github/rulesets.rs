//! `github rulesets`: what the policy asks of GitHub is compared, made so, and read back; nothing of others is touched.

use crate::fake::settings::{Settings, ruleset};
use crate::fake::{Fault, What};
use crate::story::{HEAD, Story, request};
use crate::support::Ran;
use crate::support::fixture::Fixture;
use clap::Parser as _;
use gateline::cli::Cli;
use gateline::exit::Exit;
use gateline::world::World;
use serde_json::{Value, json};

/// A repository with a policy, and a GitHub beside it.
struct House {
    story: Story,
    fixture: Fixture,
}

/// The house with this policy, or nothing where the description is not here.
macro_rules! house {
    ($policy:expr) => {
        House::new(story!(), $policy)
    };
}

const HELD: &str = "environments:\n- name: production\n  reviewers: [ada, o/ops]\n  wait_minutes: 10\n  tags: ['v*']\n- name: a/b\n  any_ref: true\n";

impl House {
    fn new(mut story: Story, policy: &str) -> House {
        story.event("workflow_dispatch", &json!({"repository": {"full_name": "o/r"}}));
        for name in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME"] {
            if let Ok(value) = std::env::var(name) {
                story.set(name, &value);
            }
        }
        let fixture = Fixture::of(
            "a repository",
            &[
                ("Cargo.toml", "[package]\nname = \"fixture\"\nversion = \"1.0.0\"\nedition = \"2024\"\n"),
                ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"fixture\"\nversion = \"1.0.0\"\n"),
                ("src/lib.rs", "//! A fixture.\n"),
                ("policies/github.yaml", policy),
            ],
        );
        House { story, fixture }
    }

    /// In this process, with a clock that moves when it sleeps.
    fn run(&self, words: &[&str]) -> Exit {
        self.story.fake.forget_log();
        let workspace = self.fixture.workspace.to_str().unwrap();
        let all = [&["gateline", "--workspace", workspace, "github", "rulesets"], words].concat();
        let cli = Cli::parse_from(all);
        let world = World::with(
            self.story.variables.clone(),
            self.fixture.workspace.clone(),
            self.story.clock.clone(),
        );
        std::thread::spawn(move || gateline::commands::main(&world, cli)).join().unwrap()
    }

    /// The real program, for what it says.
    fn says(&self, words: &[&str]) -> Ran {
        self.story.fake.forget_log();
        let mut command = self.fixture.command(&[&["github", "rulesets"], words].concat());
        command.envs(&self.story.variables).output().unwrap().into()
    }

    fn writes(&self) -> usize {
        self.story.fake.requests().1
    }

    fn change(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.story.fake.state().settings);
    }

    /// One ruleset of ours, and everything as the policy wants it.
    #[track_caller]
    fn is_so(&self) {
        assert_eq!(self.run(&["check"]), Exit::Done);
        assert_eq!(self.writes(), 0);
        self.story.fake.is_content();
        let state = self.story.fake.state();
        let ours = state.settings.rulesets.iter().filter(|one| one["name"] == "gateline");
        assert_eq!(ours.count(), 1);
        for refs in state.settings.refs.values() {
            let names: std::collections::BTreeSet<String> =
                refs.iter().map(|one| one["name"].to_string()).collect();
            assert_eq!(names.len(), refs.len(), "a pattern twice");
        }
    }
}

#[test]
fn what_is_missing_is_shown_made_and_not_made_again() {
    let house = house!(HELD);
    let ran = house.says(&["check"]).exits(10);
    for line in [
        "--- in force: ruleset gateline\n",
        "+ required_status_checks `required` from: App 15368\n",
        "+ pull_request.required_approving_review_count: 1\n",
        "+ reviewer User Ada: 1\n",
        "+ reviewer Team ops: 9\n",
        "+ deploys tag v*: true\n",
        "- default_workflow_permissions: write\n+ default_workflow_permissions: read\n",
    ] {
        assert!(ran.all().contains(line), "{line} is not in {}", ran.all());
    }
    house.says(&["apply"]).exits(2).says(&["no terminal", "--yes"]);
    assert_eq!(house.writes(), 0);
    assert_eq!(house.run(&["apply", "--dry-run"]), Exit::Done);
    assert_eq!(house.writes(), 0);
    assert_eq!(house.run(&["apply", "--yes"]), Exit::Done);
    // The ruleset, two environments, one pattern, the rights of workflows.
    assert_eq!(house.writes(), 5, "{:#?}", house.story.fake.state().log);
    house.is_so();
    assert_eq!(house.run(&["apply", "--yes"]), Exit::Done);
    assert_eq!(house.writes(), 0);
    let told = house.says(&["check", "--format", "json"]).exits(0);
    let told: Value = told.json();
    assert_eq!(
        (&told["repository"], &told["branch"], &told["drift"]),
        (&json!("o/r"), &json!("main"), &json!([]))
    );
}

#[test]
fn every_drift_is_found_and_mended() {
    let house =
        house!("merge_queue: {enabled: true}\nenvironments: [{name: production, reviewers: [ada]}]\n");
    assert_eq!(house.run(&["apply", "--yes"]), Exit::Done);
    house.is_so();
    fn rule<'a>(settings: &'a mut Settings, kind: &str) -> &'a mut Value {
        let rules = settings.rulesets[0]["rules"].as_array_mut().unwrap();
        &mut rules.iter_mut().find(|rule| rule["type"] == kind).unwrap()["parameters"]
    }
    let drifts: [(&str, fn(&mut Settings)); 10] = [
        ("enforcement", |settings| settings.rulesets[0]["enforcement"] = json!("evaluate")),
        ("may bypass: RepositoryRole 5", |settings| {
            settings.rulesets[0]["bypass_actors"] =
                json!([{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}]);
        }),
        ("branches not refs/heads/x", |settings| {
            settings.rulesets[0]["conditions"]["ref_name"]["exclude"] = json!(["refs/heads/x"]);
        }),
        ("non_fast_forward", |settings| {
            settings.rulesets[0]["rules"]
                .as_array_mut()
                .unwrap()
                .retain(|rule| rule["type"] != "non_fast_forward");
        }),
        ("required_approving_review_count", |settings| {
            rule(settings, "pull_request")["required_approving_review_count"] = json!(0);
        }),
        ("`required` from", |settings| {
            rule(settings, "required_status_checks")["required_status_checks"] =
                json!([{"context": "required"}]);
        }),
        ("merge_queue.grouping_strategy", |settings| {
            rule(settings, "merge_queue")["grouping_strategy"] = json!("HEADGREEN");
        }),
        ("reviewer User bob", |settings| {
            settings.environments.get_mut("production").unwrap()["reviewers"] =
                json!([{"type": "User", "id": 1}, {"type": "User", "id": 2}]);
        }),
        ("deploys branch *", |settings| {
            let refs = settings.refs.get_mut("production").unwrap();
            refs.push(json!({"id": 5, "node_id": "x", "name": "*", "type": "branch"}));
        }),
        ("can_approve_pull_request_reviews", |settings| {
            settings.workflows["can_approve_pull_request_reviews"] = json!(true);
        }),
    ];
    for (key, drift) in drifts {
        house.change(drift);
        let ran = house.says(&["check"]).exits(10);
        assert!(ran.all().contains(key), "{key} is not in {}", ran.all());
        assert!(ran.all().contains("1 line of drift"), "{key}: {}", ran.all());
        assert_eq!(house.run(&["apply", "--yes"]), Exit::Done, "{key}");
        house.is_so();
    }
}

#[test]
fn what_others_made_stays() {
    let house = house!("{}");
    let body = json!({"name": "theirs", "target": "branch", "enforcement": "active", "bypass_actors": [],
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}}, "rules": [{"type": "creation"}]});
    let theirs = ruleset(1, &body);
    let mut of_house = ruleset(2, &body);
    (of_house["name"], of_house["source_type"], of_house["source"]) =
        (json!("gateline"), json!("Organization"), json!("o"));
    let many = (10_000..10_120).map(|id| {
        let mut one = ruleset(id, &body);
        (one["name"], one["enforcement"]) = (json!(format!("old {id}")), json!("disabled"));
        one
    });
    house.change(|settings| {
        settings.classic = true;
        settings.rulesets = [theirs.clone(), of_house.clone()].into_iter().chain(many).collect();
        settings.environments.insert("docs".to_owned(), json!({"wait_timer": 5}));
    });
    assert_eq!(house.run(&["apply", "--yes"]), Exit::Done);
    let signed = json!({"type": "required_signatures"});
    house.change(|settings| {
        assert_eq!((&settings.rulesets[0], &settings.rulesets[1]), (&theirs, &of_house));
        assert_eq!(settings.environments.keys().collect::<Vec<_>>(), ["docs"]);
        // Ours is on the second page, with a rule and a parameter that the policy has no word for.
        let ours = settings.rulesets.last_mut().unwrap();
        let rules = ours["rules"].as_array_mut().unwrap();
        rules.push(signed.clone());
        let reviews = rules.iter_mut().find(|rule| rule["type"] == "pull_request").unwrap();
        reviews["parameters"]["allowed_merge_methods"] = json!(["squash"]);
        reviews["parameters"]["required_approving_review_count"] = json!(0);
    });
    let notes = house.says(&["check"]).exits(10);
    for note in ["older kind too", "ruleset theirs holds for main too, and stays: creation"] {
        assert!(notes.all().contains(note), "{note}: {}", notes.all());
    }
    assert_eq!(house.run(&["apply", "--yes"]), Exit::Done);
    let state = house.story.fake.state();
    let ours = state.settings.rulesets.last().unwrap();
    let rules = ours["rules"].as_array().unwrap();
    assert!(rules.contains(&signed), "{ours}");
    let reviews = rules.iter().find(|rule| rule["type"] == "pull_request").unwrap();
    assert_eq!(reviews["parameters"]["allowed_merge_methods"], json!(["squash"]));
    assert_eq!(reviews["parameters"]["required_approving_review_count"], json!(1));
}

#[test]
fn no_fault_doubles_or_loses_anything() {
    let limited = What::Answer(403, vec![("retry-after", "7".to_owned())], "secondary rate limit");
    let faults = [What::DoneAnd(502), What::Reset, What::DoneAndBroken, limited];
    let places = [
        ("GET", "/rulesets"),
        ("GET", "/{environment_name}"),
        ("POST", "/rulesets"),
        ("PUT", "/{environment_name}"),
        ("POST", "/deployment-branch-policies"),
        ("DELETE", "/{branch_policy_id}"),
        ("PUT", "/permissions/workflow"),
        ("PUT", "/{ruleset_id}"),
    ];
    let house = house!(HELD);
    for what in &faults {
        for (method, at) in places {
            let extra = json!([{"id": 5, "node_id": "x", "name": "*", "type": "branch"}]);
            house.change(|settings| {
                *settings = Settings::default();
                let open = json!({"deployment_branch_policy": {"protected_branches": false, "custom_branch_policies": true}});
                settings.environments.insert("production".to_owned(), open);
                settings.refs.insert("production".to_owned(), extra.as_array().unwrap().clone());
                if at == "/{ruleset_id}" {
                    let body = json!({"name": "gateline", "target": "branch", "enforcement": "disabled", "rules": [], "bypass_actors": [],
                        "conditions": {"ref_name": {"include": [], "exclude": []}}});
                    settings.rulesets.push(ruleset(4, &body));
                }
            });
            let fault = Fault { method, at, what: what.clone() };
            house.story.fake.state().faults = vec![fault.clone(), fault.clone()];
            assert_eq!(house.run(&["apply", "--yes"]), Exit::Done, "{fault:?}");
            assert!(house.story.fake.state().faults.len() < 2, "{fault:?} did not happen");
            house.story.fake.state().faults.clear();
            house.is_so();
        }
    }
}

#[test]
fn what_the_token_may_not_see_is_named_and_nothing_is_written() {
    let check = |method, at, subject: &str, right: &str| {
        let house = house!(HELD);
        assert_eq!(house.run(&["apply", "--yes"]), Exit::Done);
        let forbidden = || Fault {
            method,
            at,
            what: What::Answer(403, vec![], "Resource not accessible by integration"),
        };
        house.story.fake.state().faults = vec![forbidden()];
        let ran = house.says(&["check"]).exits(1);
        for word in [subject, right] {
            assert!(ran.all().contains(word), "{at}: {word} is not in {}", ran.all());
        }
        // Drift that can be seen comes first; what cannot be seen whole is not written.
        house.change(|settings| settings.workflows["can_approve_pull_request_reviews"] = json!(true));
        house.story.fake.state().faults = vec![forbidden()];
        let expected = if at == "/permissions/workflow" { Exit::Infrastructure } else { Exit::Refused };
        assert_eq!(house.run(&["check"]), expected, "{at}");
        house.story.fake.state().faults = vec![forbidden()];
        assert_eq!(house.run(&["apply", "--yes"]), Exit::Infrastructure, "{at}");
        assert_eq!(house.writes(), 0);
    };
    check("GET", "/permissions/workflow", "workflow permissions", "administration: read");
    check("GET", "/{environment_name}", "environment production", "actions: read");
    check("GET", "/deployment-branch-policies", "environment production", "actions: read");
    check("GET", "/rulesets", "ruleset gateline", "metadata: read");
    check("GET", "/{ruleset_id}", "ruleset gateline", "metadata: read");
    check("GET", "/rules/branches/{branch}", "rules of main", "metadata: read");
    check("GET", "/{team_slug}", "team o/ops", "members: read");
}

#[test]
fn who_may_bypass_must_be_seen() {
    let house = house!("{}");
    assert_eq!(house.run(&["apply", "--yes"]), Exit::Done);
    house.change(|settings| settings.shows_bypass = false);
    house.says(&["check"]).exits(1).says(&["who may bypass", "administration: write"]);
}

#[test]
fn a_right_to_write_that_is_missing_is_named() {
    for rights in [&["environments", "permissions"][..], &["rulesets"], &[]] {
        let house = house!(HELD);
        house.story.fake.state().rights = rights.to_vec();
        house.says(&["apply", "--yes"]).exits(1).says(&["not permitted", "administration: write"]);
    }
    // An organisation may keep the rights of workflows to itself.
    let house = house!("{}");
    let conflict = What::Answer(409, vec![], "Conflict");
    house.story.fake.state().faults =
        vec![Fault { method: "PUT", at: "/permissions/workflow", what: conflict }];
    assert_eq!(house.run(&["apply", "--yes"]), Exit::Infrastructure);
    assert_eq!(house.story.fake.state().settings.rulesets.len(), 1, "what was before it is written");
}

#[test]
fn a_ruleset_that_does_not_hold_is_drift() {
    let house = house!("{}");
    house.change(|settings| settings.holds = false);
    let says = ["GitHub has not taken all of it", "as it holds for main"];
    house.says(&["apply", "--yes"]).exits(1).says(&says);
    house
        .says(&["check"])
        .exits(10)
        .says(&["+++ wanted: ruleset gateline, as it holds for main", "+ deletion: true"]);
}

#[test]
fn a_name_that_github_does_not_know_is_a_mistake_of_the_policy() {
    for (policy, word) in [
        ("required_checks: [{name: a, app: no-such-app}]", "no-such-app"),
        ("environments: [{name: a, reviewers: [nobody-at-all]}]", "nobody-at-all"),
    ] {
        house!(policy).says(&["check"]).exits(2).says(&["policies/github.yaml", word]);
    }
}

#[test]
fn a_change_does_not_apply_its_own_policy() {
    let mut house = house!("{}");
    for (name, payload) in [
        ("pull_request", request("o/r")),
        ("pull_request_target", request("someone/r")),
        ("pull_request_review", request("someone/r")),
        ("merge_group", json!({"merge_group": {"base_sha": HEAD, "head_sha": HEAD}})),
    ] {
        house.story.event(name, &payload);
        assert_eq!(house.run(&["apply", "--yes"]), Exit::Usage, "{name}");
        assert_eq!(house.story.fake.requests(), (0, 0));
        assert_eq!(house.run(&["check"]), Exit::Refused, "{name}");
    }
}

#[test]
fn without_a_token_or_a_repository_nothing_is_asked() {
    let mut house = house!("{}");
    assert_eq!(house.run(&["check", "--offline"]), Exit::Usage);
    house.story.event("workflow_dispatch", &json!({}));
    house.story.variables.remove("GITHUB_REPOSITORY");
    assert_eq!(house.run(&["check"]), Exit::Usage);
    assert_eq!(house.run(&["check", "--repository", "o/r"]), Exit::Refused);
    house.story.variables.remove("GITHUB_TOKEN");
    assert_eq!(house.run(&["check", "--repository", "o/r"]), Exit::Usage);
}
