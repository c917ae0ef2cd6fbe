import { describe, expect, it } from 'vitest';
import { makeBook } from './book';
import { known } from './zh-CN';

describe('a book of phrases', () => {
  const say = makeBook([
    ['cluster {0} is away', '集群 {0} 不在'],
    ['its disk is full', '其磁盘已满'],
    ['Look at its log.', '请查看其日志。'],
    ['{count} of {0} ready: {1}', '{count}/{0} 就绪：{1}'],
    ['the role {role} is {what}', '角色 {=role} 为{what}'],
    ['member', '成员'],
    ['{0} exists', '存在 {0}'],
    ['{count} thing{s}', '{count} 个'],
  ]);

  it('puts what stood in a hole into the same hole', () => {
    expect(say('cluster "eu-1" is away')).toBe('集群 "eu-1" 不在');
    expect(say('2 things')).toBe('2 个');
  });

  it('says what stands in a hole too, where it knows it', () => {
    expect(say('1 of 2 ready: its disk is full')).toBe('1/2 就绪：其磁盘已满');
    expect(say('1 of 2 ready: disk pressure')).toBe('1/2 就绪：disk pressure');
  });

  it('leaves names alone where the translation asks for it', () => {
    expect(say('the role member is member')).toBe('角色 member 为成员');
  });

  it('takes a cause and its next step apart', () => {
    expect(say('Its disk is full. Look at its log.')).toBe('其磁盘已满。请查看其日志。');
    expect(say('its disk is full; no idea why')).toBe('其磁盘已满；no idea why');
    expect(say('Kaboom: its disk is full')).toBe('Kaboom：其磁盘已满');
  });

  it('knows nothing of what is in no pattern', () => {
    expect(say('something else')).toBeUndefined();
    expect(say('')).toBeUndefined();
    // A pattern that is nearly all hole takes a name, not a sentence.
    expect(say('a pod of that name already exists')).toBeUndefined();
    expect(say('region exists')).toBe('存在 region');
  });

  it('is quick with what no pattern fits', () => {
    const long = 'admission webhook denied the request: '.repeat(36);
    const begin = performance.now();
    known(long);
    expect(performance.now() - begin).toBeLessThan(1000);
  });
});

describe('the Chinese book', () => {
  it.each([
    ['cluster "eu-9" does not exist', '集群 "eu-9" 不存在'],
    ['user "eve" does not exist', '用户 "eve" 不存在'],
    ['2 of 3 clusters ready: edge-2 is Unknown', '2/3 个集群就绪：edge-2 为“未知”'],
    ['2 of 3 clusters ready: edge-2: the cluster is not ready; it is compared afresh when it is back', '2/3 个集群就绪：edge-2：集群未就绪，恢复后将重新比对'],
    ['does not match placement.clusterSelector: region is "us", wanted region in (eu)', '不符合 placement.clusterSelector：region 为 "us"，要求：region 属于（eu）'],
    ['Signed in as admin.', '已登录（身份为 admin）。'],
    ['Signed in as admin; the client certificate is valid until 2027-06-01.', '已登录（身份为 admin），客户端证书有效期至 2027-06-01。'],
    ['eu-3.example.com resolves: 10.2.0.3.', 'eu-3.example.com 可解析：10.2.0.3。'],
    ['The cluster does not accept the token (HTTP 401).', '集群不接受令牌（HTTP 401）。'],
    ["The cluster's clock is 40 s ahead of ours.", '集群的时钟比本机快 40 秒。'],
    ['10.0.0.1:6443 refuses connections. Check that the API server runs and that the port is right.', '10.0.0.1:6443 拒绝连接。请检查 API 服务器是否在运行、端口是否正确。'],
    ['you cannot give the role member: it holds project.view, which you do not have here', '您不能授予角色 member：它包含您在此处没有的权限 project.view'],
    ['this needs the permission cluster.view (See a cluster, its facts and health): ask an administrator for a role that has it', '此操作需要权限 cluster.view（查看集群及其信息和健康状况），请向管理员申请拥有该权限的角色'],
    ['the body is not valid JSON: missing field `name` at line 1 column 2', '请求体不是有效的 JSON：缺少字段 `name`（第 1 行，第 2 列）'],
    [
      '10.2.0.4:6443 does not answer within 10 s. Check the address, and routes and firewalls between Hanse and the cluster. (last seen 2026-11-25 21:04:11 UTC)',
      '10.2.0.4:6443 在 10 秒内没有响应。请检查地址，以及 Hanse 与集群之间的路由和防火墙。（最后一次见到于 2026-11-25 21:04:11 UTC）',
    ],
    [
      'The agent has not been connected since 2026-11-25 21:04:11 UTC: the agent did not answer a PING within 10 s. The agent connects again by itself. If this stays, look at its log.',
      '代理自 2026-11-25 21:04:11 UTC 起未连接：代理在 10 秒内没有回应 PING。代理会自动重新连接。如果持续出现，请查看其日志。',
    ],
    ['spec.overrides[0].image cannot be applied in cluster "eu-1": the template has no container named "x"', 'spec.overrides[0].image 无法应用于集群 "eu-1"：模板中没有名为 "x" 的容器'],
    ['named in placement.clusters, but its project is not in this cluster', '在 placement.clusters 中列出，但其项目不在该集群中'],
    ['matches placement.clusterSelector: region in (eu)', '符合 placement.clusterSelector：region 属于（eu）'],
    [
      'cluster "a" is used by shop, web: take it out of those projects first, which removes or orphans, by each object\'s policy, what was placed there',
      '集群 "a" 正被 shop, web 使用：请先将其从这些项目中去掉，届时将按各对象的策略删除或保留放置在其中的内容',
    ],
    ['the last administrator of the workspace can be neither removed nor demoted: give somebody else the role first', '不能移除或降级工作空间的最后一位管理员，请先将该角色授予其他人'],
    ['Flow sequence in block collection must be sufficiently indented and end with a ]', '行内列表必须足够缩进，并以“]”结尾'],
  ])('%s', (english, chinese) => {
    expect(known(english)).toBe(chinese);
  });
});
