-- Drives the language server of nvim as a person would, and prints what the editor shows, one line of JSON for each step.
local bin, file = os.getenv("TENET_BIN"), os.getenv("TENET_FILE")
local node = os.getenv("TENET_NODE")

local function say(what, value)
  io.stdout:write(vim.fn.json_encode({ what = what, value = value }) .. "\n")
end

local function wait(what, done)
  if not vim.wait(20000, done, 20) then
    say("timeout", what)
    vim.cmd("cquit 1")
  end
end

local function place_on(text, plus)
  vim.fn.cursor(1, 1)
  vim.fn.search("\\V" .. text)
  local at = vim.api.nvim_win_get_cursor(0)
  vim.api.nvim_win_set_cursor(0, { at[1], at[2] + (plus or 0) })
end

local function ask(method, extra)
  local params = vim.lsp.util.make_position_params()
  for key, value in pairs(extra or {}) do params[key] = value end
  local answers = vim.lsp.buf_request_sync(0, method, params, 20000) or {}
  for _, answer in pairs(answers) do return answer.result end
end

local function messages()
  return vim.tbl_map(function(d) return { line = d.lnum + 1, message = d.message } end, vim.diagnostic.get(0))
end

vim.cmd("edit " .. file)
vim.bo.filetype = "dl"
local client = vim.lsp.start_client({ name = "tenet", cmd = { node, bin, "lsp" }, root_dir = vim.fn.fnamemodify(file, ":h") })
vim.lsp.buf_attach_client(0, client)
wait("diagnostics", function() return #vim.diagnostic.get(0) > 0 end)
say("diagnostics", messages())

place_on("nb:Logical_Swich")
vim.cmd("normal! cWnb:Logical_Switch(_uuid=s,")
wait("mended", function() return #vim.diagnostic.get(0) == 0 end)
say("mended", messages())

place_on("name=name", 2)
say("hover", ask("textDocument/hover").contents.value)

place_on("busy(switch)", 1)
local definition = ask("textDocument/definition")
say("definition", definition[1].range.start.line + 1)

place_on("switch, other", 1)
vim.lsp.buf.rename("name")
wait("renamed", function() return vim.fn.search("name, other", "nw") > 0 end)
say("renamed", vim.api.nvim_buf_get_lines(0, 0, -1, false))

vim.lsp.buf.formatting_sync({}, 20000)
say("formatted", vim.api.nvim_buf_get_lines(0, 0, -1, false))

vim.fn.append("$", "more(x) :- nb:Logical_Switch_Port(na")
vim.api.nvim_win_set_cursor(0, { vim.fn.line("$"), 0 })
vim.cmd("startinsert!")
vim.api.nvim_win_set_cursor(0, { vim.fn.line("$"), #vim.fn.getline("$") })
local params = vim.lsp.util.make_position_params()
params.position.character = #vim.fn.getline("$")
local items = {}
for _, answer in pairs(vim.lsp.buf_request_sync(0, "textDocument/completion", params, 20000) or {}) do
  items = vim.tbl_map(function(item) return item.label end, answer.result)
end
say("completion", items)
vim.lsp.stop_client(client)
wait("stopped", function() return vim.lsp.client_is_stopped(client) end)
vim.cmd("qall!")
