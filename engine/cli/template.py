"""What `sark init` writes."""

_HELLO = """\
# yaml-language-server: $schema=../schemas/workflow.schema.json
apiVersion: sark/v1
kind: Workflow
name: hello
title: Say hello

inputs:
  name: {type: string, default: world}

steps:
  greet:
    uses: text.render@1
    with:
      template: "Hello, {{ name }}!"
      values: {name: "{{ inputs.name }}"}

outputs:
  text: {type: string, value: "{{ steps.greet.outputs.text }}"}
"""

_CI = """\
name: workflows
on: [pull_request]
permissions: {contents: read}
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with: {persist-credentials: false}
      - run: pipx run --spec sark-engine sark check workflows --format github
"""

FILES = {
    "workflows/hello.yaml": _HELLO,
    ".github/workflows/workflows.yml": _CI,
    ".gitignore": ".sark/\n",
}
