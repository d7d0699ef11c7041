// Starts `ringfence lsp` for device tree sources.
'use strict';

const { workspace } = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

let client;

function activate() {
  const settings = workspace.getConfiguration('ringfence');
  const server = { command: settings.get('path'), args: ['lsp', ...settings.get('args')] };
  const documents = { documentSelector: [{ scheme: 'file', language: 'dts' }] };
  client = new LanguageClient('ringfence', 'ringfence', server, documents);
  return client.start();
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
